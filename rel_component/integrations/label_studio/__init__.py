"""ML backend for Label Studio: predictions for tasks, retraining on annotations.

The protocol is defined in label_studio/ml/api_connector.py of
github.com/HumanSignal/label-studio; its paths, such as `/predict`, have a prefix here.
"""

from .backend import PREFIX, BackendSettings, add_label_studio

__all__ = ["PREFIX", "BackendSettings", "add_label_studio"]
