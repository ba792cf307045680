"""The named texts and sets of reviews."""

from __future__ import annotations

from nnrun.data.dataset import DataFacts
from nnrun.data.named.entry import Entry, Remote

#: The highest rank of a word in the reviews, 88,584, moved up by the three codes that mean no word.
IMDB_CODES = 88_588

_IMDB = Entry(
    name="imdb",
    description="50,000 film reviews as sequences of word codes, half of them positive; half of them are the test "
    "part. Codes are ranks by frequency: 0 fills up, 1 begins a review, 2 stands for a word that is left out.",
    licence="none stated; the authors ask to be cited",
    citation="A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts: Learning word vectors for sentiment "
    "analysis. ACL, 2011.",
    outline=DataFacts(
        shape=(None,),
        rows=25000,
        test_rows=25000,
        task="classification",
        class_names=("0", "1"),
        target_names=("positive",),
        vocabulary=IMDB_CODES,
        ragged=True,
    ),
    containers=(
        (
            Remote(
                "imdb.npz",
                "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
                17464789,
                ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb.npz",),
            ),
        ),
    ),
    caveats=(
        "Reviews differ in length (median about 180 words, longest about 2,500): add a step such as PadSequences: 200.",
        "Reviews keep the order of the file; Keras' own loader shuffles them.",
        "The words' ranks were counted over training and test reviews together.",
    ),
)

_SHAKESPEARE = Entry(
    name="shakespeare",
    description="40,000 lines of Shakespeare's plays as one text of 1,115,394 characters (tinyshakespeare), cut into "
    "windows.",
    licence="public domain",
    citation="W. Shakespeare; compiled by A. Karpathy: The unreasonable effectiveness of recurrent neural networks. "
    "2015.",
    outline=DataFacts(shape=(100, 1), rows=1115294, task="classification", target_names=("next",)),
    containers=(
        (
            Remote(
                "tinyshakespeare.txt",
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                1115394,
                (
                    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                    "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
                ),
            ),
        ),
    ),
    alphabet="\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    characters=1115394,
    caveats=("The last tenth is of other plays than most of the text: The Taming of the Shrew and The Tempest.",),
)

_METAMORPHOSIS = Entry(
    name="metamorphosis",
    description="Kafka's Die Verwandlung (1915) in German as one text of 121,255 characters, cut into windows.",
    licence="public domain (Project Gutenberg eBook 22367; its own terms are left out of the text)",
    citation="F. Kafka: Die Verwandlung. Kurt Wolff, Leipzig 1915.",
    outline=DataFacts(shape=(100, 1), rows=121155, task="classification", target_names=("next",)),
    containers=(
        (
            Remote(
                "die-verwandlung.txt",
                None,
                None,
                (
                    "https://www.gutenberg.org/cache/epub/22367/pg22367.txt",
                    "https://www.gutenberg.org/ebooks/22367.txt.utf-8",
                ),
            ),
        ),
    ),
    # The alphabet and length of the edition with SHA-256 62db5af7bf1d3e46...; a fetched one may differ a little.
    alphabet="\n !',-.:;?ABCDEFGHIJKLMNOPQRSTUVWZabcdefghijklmnopqrstuvwxz«»ÄÖÜßäöü",
    characters=121255,
    caveats=(
        "Project Gutenberg changes its files now and then: a fetched text may differ from the 121,255 characters here.",
        "So no digest is stated; the text must begin and end as the story does, and have its length.",
    ),
)

TEXTS = (_IMDB, _SHAKESPEARE, _METAMORPHOSIS)
