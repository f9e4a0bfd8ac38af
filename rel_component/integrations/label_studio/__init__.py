"""Label Studio's ML backend protocol: predictions for tasks, retraining on annotations.

Protocol: label_studio/ml/api_connector.py of github.com/HumanSignal/label-studio. What
is sent to `URL/predict` and so on is answered under a prefix of the service.
"""

from .backend import PREFIX, BackendSettings, add_label_studio

__all__ = ["PREFIX", "BackendSettings", "add_label_studio"]
