import pytest

from rel_component.integrations.label_studio.config import LabelConfig, read_config

CONFIG = """
<View>
  <Header value="Read"/>
  <Relations><Relation value="WORKS_FOR"/><Relation value="KNOWS"/></Relations>
  <Labels name="label" toName="body">
    <Label value="PERSON" background="red"/><Label value="firm" alias="ORG"/>
  </Labels>
  <Text name="body" value="$article"/>
</View>
"""


def test_text_and_labels_are_found():
    found = read_config(CONFIG)
    assert found == LabelConfig(
        "label", "body", "article", ("PERSON", "ORG"), ("WORKS_FOR", "KNOWS")
    )
    hyper = CONFIG.replace("Text", "HyperText").replace("Labels", "HyperTextLabels")
    assert read_config(hyper).field == "article"


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "missing or too long"),
        ("x" * 1_000_001, "missing or too long"),
        ("<View>", "is not XML"),
        ('<View><Image name="i" value="$i"/></View>', "found Image, View"),
        (CONFIG.replace('toName="body"', 'toName="other"'), "no <Labels> for a <Text>"),
    ],
)
def test_error_messages(text, message):
    with pytest.raises(ValueError, match=message):
        read_config(text)
