from ..script_runner import load_script


def test_error_messages(model, tmp_path):
    printed = load_script("assemble")(model, model, tmp_path / "joined", code=1)
    assert "doesn't predict entities" in printed
