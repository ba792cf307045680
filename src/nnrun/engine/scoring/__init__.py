"""A trained model against data: loss, metrics, errors with intervals, predictions."""
