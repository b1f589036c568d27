"""What Django takes for text where a comment was meant."""

from django.conf import settings


def test_no_comment_of_a_template_goes_on_over_the_end_of_its_line() -> None:
    templates = sorted((settings.BASE_DIR / "templates").rglob("*.*"))
    open_ended = [
        f"{template.name}:{number}"
        for template in templates
        for number, line in enumerate(template.read_text().splitlines(), start=1)
        if line.count("{#") != line.count("#}")
    ]

    assert templates
    assert open_ended == []
