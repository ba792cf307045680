from nnrun.api import Run as Run
from nnrun.api import Sweep as Sweep
from nnrun.api import check as check
from nnrun.api import list_runs as list_runs
from nnrun.api import load_run as load_run
from nnrun.api import run_sweep as run_sweep
from nnrun.api import train as train

__version__: str
