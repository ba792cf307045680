"""The named tables."""

from __future__ import annotations

from nnrun.data.dataset import DataFacts
from nnrun.data.named.entry import Entry, Remote

_BROWNLEE = "https://raw.githubusercontent.com/jbrownlee/Datasets/master/"

_PIMA = Entry(
    name="pima",
    description="768 Pima women of at least 21 years with eight measurements, and whether diabetes was diagnosed "
    "within five years (268 of them, 34.9 %).",
    licence="CC0 1.0 (as redistributed; original owner: National Institute of Diabetes and Digestive and Kidney "
    "Diseases)",
    citation="J. W. Smith, J. E. Everhart, W. C. Dickson, W. C. Knowler, R. S. Johannes: Using the ADAP learning "
    "algorithm to forecast the onset of diabetes mellitus. Proc. Symp. Computer Applications in Medical Care, 1988.",
    outline=DataFacts(
        shape=(8,),
        rows=768,
        task="classification",
        class_names=("0", "1"),
        target_names=("diabetes",),
        columns=("pregnancies", "glucose", "blood_pressure", "skin_thickness", "insulin", "bmi", "pedigree", "age"),
    ),
    containers=(
        (
            Remote(
                "pima-indians-diabetes.csv",
                "6bfe5d0f379d17a0e0819b996407e3c09bf80febd4287f2ed212190dfff154af",
                23278,
                (f"{_BROWNLEE}pima-indians-diabetes.data.csv",),
            ),
        ),
    ),
    identity=(("table", "3e5bd23b2c24c83178bcc3a4649e4339c1a248d5bead9c896b19af974b2cdee5"),),
    caveats=(
        "A 0 stands for a missing value: glucose 5 rows, blood_pressure 35, skin_thickness 227, insulin 374, bmi 11.",
        "768 rows of one community: no ground for statements about others.",
    ),
)

_BOSTON = Entry(
    name="boston",
    description="506 census tracts of Boston in 1970 with thirteen measurements, and the median value of "
    "owner-occupied homes (MEDV) in thousands of dollars.",
    licence="none stated (public data of the paper, distributed by StatLib)",
    citation="D. Harrison, D. L. Rubinfeld: Hedonic housing prices and the demand for clean air. "
    "J. Environmental Economics and Management 5, 1978.",
    outline=DataFacts(
        shape=(13,),
        rows=506,
        task="regression",
        target_names=("MEDV",),
        columns=(*("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT"),),
    ),
    containers=(
        (
            Remote(
                "boston-housing.data",
                "e3e36f7b9e5435f9eb8320e106aebad00031fefa3064527da0c71dec59e49b76",
                49081,
                (f"{_BROWNLEE}housing.data",),
            ),
        ),
        (
            Remote(
                "boston-housing.data",
                None,
                None,
                ("https://archive.ics.uci.edu/ml/machine-learning-databases/housing/housing.data",),
            ),
        ),
    ),
    identity=(("table", "832e894115c56dd24ec63848d4a3d9bd921d268d0be1bee2a8f4ee5ea318f5f7"),),
    caveats=(
        "The column B is built on race: 1000 (share of Black residents - 0.63)^2, as if segregation raised prices.",
        "For new work take `california` instead; this set is kept to repeat published results.",
        "MEDV is cut off at 50: 16 rows stand there.",
        "Rows are ordered by town, so that folds in file order differ far more than shuffled ones.",
    ),
)

_CALIFORNIA = Entry(
    name="california",
    description="20,640 census blocks of California in 1990 with eight measurements, and the median house value "
    "(MedHouseVal) in 100,000 dollars.",
    licence="CC BY 4.0 (as deposited at figshare); the original data are StatLib's",
    citation="R. K. Pace, R. Barry: Sparse spatial autoregressions. Statistics and Probability Letters 33(3), 1997.",
    outline=DataFacts(
        shape=(8,),
        rows=20640,
        task="regression",
        target_names=("MedHouseVal",),
        columns=(*("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"),),
    ),
    containers=(
        (
            Remote(
                "cal_housing.tgz",
                "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
                441963,
                (
                    "https://ndownloader.figshare.com/files/5976036",
                    "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz",
                ),
            ),
        ),
    ),
    caveats=(
        "MedHouseVal is cut off at about 5, HouseAge at 52.",
        "Averages per household are extreme in a few blocks (resorts, dormitories): take Robust or Log.",
        "Neighbouring blocks are alike: a random split flatters a model that is to be used elsewhere.",
    ),
)

_IRIS = Entry(
    name="iris",
    description="150 iris flowers of three species, with length and width of sepal and petal; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="R. A. Fisher: The use of multiple measurements in taxonomic problems. Annals of Eugenics 7(2), 1936.",
    outline=DataFacts(
        shape=(4,),
        rows=150,
        task="classification",
        class_names=("setosa", "versicolor", "virginica"),
        target_names=("species",),
        columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    ),
    caveats=("Rows are sorted by species: split with `shuffle: true` (the default), better with `stratify: true`.",),
)

_WINE = Entry(
    name="wine",
    description="178 Italian wines of three growers, with thirteen chemical measurements; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="S. Aeberhard, M. Forina: Wine. UCI Machine Learning Repository, 1991.",
    outline=DataFacts(
        shape=(13,),
        rows=178,
        task="classification",
        class_names=("class_0", "class_1", "class_2"),
        target_names=("grower",),
        columns=(
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
    ),
    caveats=("Rows are sorted by grower.", "The columns differ in size by a factor of a thousand: standardise them."),
)

_BREAST_CANCER = Entry(
    name="breast_cancer",
    description="569 fine-needle samples of breast tissue, malignant (0) or benign (1), with thirty measurements "
    "of the cell nuclei; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear feature extraction for breast tumor diagnosis. "
    "Proc. SPIE 1905, 1993.",
    outline=DataFacts(
        shape=(30,),
        rows=569,
        task="classification",
        class_names=("malignant", "benign"),
        target_names=("diagnosis",),
        columns=tuple(
            f"{kind} {what}" if kind != "error" else f"{what} error"
            for kind in ("mean", "error", "worst")
            for what in (
                "radius",
                "texture",
                "perimeter",
                "area",
                "smoothness",
                "compactness",
                "concavity",
                "concave points",
                "symmetry",
                "fractal dimension",
            )
        ),
    ),
    caveats=("Class 1 is benign: a high score means healthy.",),
)

_DIABETES = Entry(
    name="diabetes",
    description="442 diabetes patients with ten measurements, and how far the disease went on within a year, "
    "25 to 346; comes with scikit-learn.",
    licence="as given with scikit-learn (public data of the paper)",
    citation="B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least angle regression. "
    "Annals of Statistics 32(2), 2004.",
    outline=DataFacts(
        shape=(10,),
        rows=442,
        task="regression",
        target_names=("progression",),
        columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    ),
    caveats=(
        "The measurements are the original ones, while scikit-learn's own default scales them with all rows.",
        "The columns differ in size: standardise them.",
    ),
)

TABLES = (_PIMA, _BOSTON, _CALIFORNIA, _IRIS, _WINE, _BREAST_CANCER, _DIABETES)
