"""Comments in templates that Django would render as text."""

from django.conf import settings


def test_no_template_comment_continues_on_the_next_line() -> None:
    templates = sorted((settings.BASE_DIR / "templates").rglob("*.*"))
    open_ended = [
        f"{template.name}:{number}"
        for template in templates
        for number, line in enumerate(template.read_text().splitlines(), start=1)
        if line.count("{#") != line.count("#}")
    ]

    assert templates
    assert open_ended == []
