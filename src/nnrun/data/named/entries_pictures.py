"""The named sets of pictures."""

from __future__ import annotations

from nnrun.data.dataset import DataFacts
from nnrun.data.named.entry import Entry, Remote


def _mnist_idx(stem: str, sha256: str, size: int) -> Remote:
    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    return Remote(f"{stem}-ubyte.gz", sha256, size, tuple(f"{mirror}{stem}-ubyte.gz" for mirror in mirrors))


_MNIST = Entry(
    name="mnist",
    description="70,000 handwritten digits as grey pictures of 28 x 28 pixels, values 0 to 255; the last 10,000 test.",
    licence="CC BY-SA 3.0 (Yann LeCun and Corinna Cortes)",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition. "
    "Proc. IEEE 86(11), 1998.",
    outline=DataFacts(
        shape=(28, 28),
        rows=60000,
        test_rows=10000,
        task="classification",
        class_names=tuple("0123456789"),
        target_names=("digit",),
    ),
    containers=(
        (
            Remote(
                "mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11490434,
                ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
            ),
        ),
        (
            _mnist_idx(
                "train-images-idx3", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422
            ),
            _mnist_idx("train-labels-idx1", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
            _mnist_idx("t10k-images-idx3", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
            _mnist_idx("t10k-labels-idx1", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
        ),
    ),
    identity=(
        ("x_train", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        ("y_train", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        ("x_test", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        ("y_test", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    caveats=("A handful of test labels are disputable to the human eye; a test error below about 0.2 % means little.",),
)


def _fashion(stem: str, sha256: str, size: int) -> Remote:
    mirrors = (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    )
    return Remote(f"{stem}-ubyte.gz", sha256, size, tuple(f"{mirror}{stem}-ubyte.gz" for mirror in mirrors))


_FASHION_MNIST = Entry(
    name="fashion_mnist",
    description="70,000 articles of clothing as grey pictures of 28 x 28 pixels, values 0 to 255, in ten classes of "
    "the same size; the last 10,000 test.",
    licence="MIT (Zalando SE)",
    citation="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning "
    "algorithms. arXiv:1708.07747, 2017.",
    outline=DataFacts(
        shape=(28, 28),
        rows=60000,
        test_rows=10000,
        task="classification",
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        target_names=("article",),
    ),
    containers=(
        (
            _fashion("train-images-idx3", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
            _fashion("train-labels-idx1", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
            _fashion("t10k-images-idx3", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
            _fashion("t10k-labels-idx1", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
        ),
    ),
    folder="fashion_mnist",
    caveats=(
        "Its files are called as MNIST's are: they lie in a subfolder fashion_mnist of the data folder.",
        "Shirts, T-shirts, pullovers and coats are hard to tell apart; people reach about 83.5 %.",
    ),
)

_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_CIFAR_LICENCE = "none stated; the authors ask to be cited"
_CIFAR_CITATION = "A. Krizhevsky: Learning multiple layers of features from tiny images. Technical report, 2009."
_CIFAR_CAVEATS = (
    "Of the test pictures, about 3 % (CIFAR-10) and 10 % (CIFAR-100) have a near-duplicate in the training part.",
    "The pictures come from the Tiny Images collection, which was withdrawn in 2020 for offensive labels.",
)

_CIFAR10 = Entry(
    name="cifar10",
    description="60,000 colour pictures of 32 x 32 pixels, values 0 to 255, in ten classes of the same size; "
    "the last 10,000 test.",
    licence=_CIFAR_LICENCE,
    citation=_CIFAR_CITATION,
    outline=DataFacts(
        shape=(32, 32, 3),
        rows=50000,
        test_rows=10000,
        task="classification",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        target_names=("object",),
    ),
    containers=(
        (
            Remote(
                "cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                170052171,
                (f"{_TORONTO}cifar-10-binary.tar.gz",),
            ),
        ),
        (
            Remote(
                "cifar-10-python.tar.gz",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                170498071,
                (f"{_TORONTO}cifar-10-python.tar.gz",),
            ),
        ),
    ),
    caveats=_CIFAR_CAVEATS,
)

_CIFAR100 = Entry(
    name="cifar100",
    description="60,000 colour pictures of 32 x 32 pixels, values 0 to 255, in a hundred classes of the same size; "
    "the last 10,000 test.",
    licence=_CIFAR_LICENCE,
    citation=_CIFAR_CITATION,
    outline=DataFacts(
        shape=(32, 32, 3),
        rows=50000,
        test_rows=10000,
        task="classification",
        class_names=(
            *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle"),
            *("bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle"),
            *("chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur"),
            *("dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard"),
            *("lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle"),
            *("mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear"),
            *("pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon"),
            *("ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail"),
            *("snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone"),
            *("television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale"),
            *("willow_tree", "wolf", "woman", "worm"),
        ),
        target_names=("object",),
    ),
    containers=(
        (
            Remote(
                "cifar-100-binary.tar.gz",
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                168513733,
                (f"{_TORONTO}cifar-100-binary.tar.gz",),
            ),
        ),
        (
            Remote(
                "cifar-100-python.tar.gz",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                169001437,
                (f"{_TORONTO}cifar-100-python.tar.gz",),
            ),
        ),
    ),
    caveats=(*_CIFAR_CAVEATS, "The classes are the fine ones; the 20 coarse ones are left out."),
)

_DIGITS = Entry(
    name="digits",
    description="1,797 handwritten digits as grey pictures of 8 x 8 pixels, values 0 to 16; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits. UCI Repository, 1998.",
    outline=DataFacts(
        shape=(8, 8), rows=1797, task="classification", class_names=tuple("0123456789"), target_names=("digit",)
    ),
    caveats=("This is the test part of the UCI set; nothing says which of its rows share a writer.",),
)

PICTURES = (_MNIST, _FASHION_MNIST, _CIFAR10, _CIFAR100, _DIGITS)
