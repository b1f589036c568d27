"""HTML pages as they are recorded: forms, links, htmx attributes, assets and amounts of money; not the wording."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from tests.frozen.names import Names

Attributes = dict[str, str]

#: What every page loads.
USUAL_ASSETS = [
    "/static/img/mark.svg", "/static/img/favicon.ico", "/static/img/icon-180.png", "/static/manifest.webmanifest",
    "/static/fonts/figtree-latin.woff2", "/static/css/tokens.css", "/static/css/base.css", "/static/css/buttons.css",
    "/static/css/cards.css", "/static/css/lists.css", "/static/css/forms.css", "/static/js/app.js",
]  # fmt: skip
#: The navigation of those who are signed in.
USUAL_LINKS = ["#main", "/", "/add/", "/history/", "/send/", "/settings/", "/wallets/", "/withdraw/"]
LOGOUT_FORM = "form post /accounts/logout/\n  hidden csrfmiddlewaretoken <csrf>\n  submit (unnamed)"
_MONEY = re.compile("[+\N{MINUS SIGN}-]?[A-Z]{0,3}[$€¥£]\\s?[\\d,]+(?:\\.\\d+)?")
_HEADINGS = {"title", "h1", "h2", "h3", "h4", "h5", "h6"}
#: Tags that may stand in the middle of an amount.
_WITHIN_AMOUNTS = {"span", "b", "strong", "small"}
_INVISIBLE = {"script", "style", "title", "svg"}
_FIELDS = {"input", "select", "textarea", "button"}
_FLAGS = ("required", "checked", "disabled", "readonly")
#: Fields whose values are secrets of one page.
_SECRETS = {"csrfmiddlewaretoken": "<csrf>", "draft": "<draft>"}


@dataclass
class Field:
    """A field of a form, as a browser sees it."""

    tag: str
    attributes: Attributes
    options: list[str] = field(default_factory=list)
    selected: str | None = None

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def kind(self) -> str:
        return self.attributes.get("type", "text" if self.tag == "input" else self.tag)

    @property
    def value(self) -> str:
        if self.tag == "select":
            return self.selected if self.selected is not None else (self.options or [""])[0]
        return self.attributes.get("value", "")

    @property
    def is_sent(self) -> bool:
        """Whether a browser sends it with the form that was left untouched."""
        if not self.name or self.kind in {"submit", "button", "reset", "file"}:
            return False
        return self.kind not in {"radio", "checkbox"} or "checked" in self.attributes


@dataclass
class Form:
    attributes: Attributes
    fields: list[Field] = field(default_factory=list)

    def data(self) -> dict[str, str]:
        """What a browser sends of it, untouched."""
        return {one.name: one.value for one in self.fields if one.is_sent}


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.assets: list[str] = []
        self.htmx: list[Attributes] = []
        self.headings: list[str] = []
        self._text: list[str] = []
        self._inside: list[str] = []
        self._form: Form | None = None
        self.feed(text)

    @property
    def amounts(self) -> list[str]:
        return _MONEY.findall(re.sub(r"\s+", " ", "".join(self._text)))

    def form_with(self, name: str) -> Form:
        """The first form that has this field."""
        return next(form for form in self.forms if any(one.name == name for one in form.fields))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _WITHIN_AMOUNTS:
            self._text.append(" ")
        if tag in _HEADINGS:
            self.headings.append("")
        if tag in _HEADINGS | _INVISIBLE:
            self._inside.append(tag)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in {"link", "script", "img"}:
            self.assets += [_address(given[name]) for name in ("href", "src") if name in given]
        if tag != "form" and any(name.startswith("hx-") for name in given):
            self.htmx.append(given)
        self._form_part(tag, given)

    def _form_part(self, tag: str, given: Attributes) -> None:
        if tag == "form":
            self._form = Form(given)
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag in _FIELDS:
            self._form.fields.append(Field(tag, given))
        elif tag == "option" and self._form.fields:
            choice = self._form.fields[-1]
            choice.options.append(given.get("value", ""))
            choice.selected = given.get("value", "") if "selected" in given else choice.selected

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] in _HEADINGS:
            self.headings[-1] += data
        if not _INVISIBLE & set(self._inside):
            self._text.append(data)


def page_text(page: Page, names: Names) -> str:
    """The skeleton of a page, one part on each line; what all pages have in common is on one."""
    lines = [f"assets {' '.join(_folded(page.assets, USUAL_ASSETS))}"] if page.assets else []
    for form in page.forms:
        lines += _form_lines(form)
    lines += [f"htmx {_htmx(attributes)}" for attributes in page.htmx]
    links = sorted({names.text(link) for link in page.links})
    lines += [f"link {link}" for link in _folded(links, USUAL_LINKS)]
    lines += [f"money {' '.join(page.amounts)}"] if page.amounts else []
    text = "\n".join(names.text(line) for line in lines)
    return text.replace(LOGOUT_FORM, "form to log out")


def _folded(parts: list[str], usual: list[str]) -> list[str]:
    """The parts, those that are usual as one word where all of them are there."""
    if not set(usual) <= set(parts):
        return parts
    return ["(usual)", *(part for part in parts if part not in usual)]


def _form_lines(form: Form) -> list[str]:
    action = form.attributes.get("action", "(here)")
    first = f"form {form.attributes.get('method', 'get').lower()} {action} {_htmx(form.attributes)}"
    return [first.rstrip(), *[f"  {_field(one)}" for one in form.fields]]


def _field(one: Field) -> str:
    words = [one.kind, one.name or "(unnamed)", *[flag for flag in _FLAGS if flag in one.attributes]]
    if one.name in _SECRETS:
        words.append(_SECRETS[one.name])
    elif one.kind in {"hidden", "radio", "checkbox", "submit"} and "value" in one.attributes:
        words.append(f"= {one.value}" if one.name else "")
    # Numbers of rows, such as those of permissions, say nothing about the page.
    words += (
        [f"of {' '.join(map(repr, one.options))}"] if not any(map(str.isdigit, one.options)) and one.options else []
    )
    return " ".join(filter(None, words))


def _address(text: str) -> str:
    """A picture that stands in the page itself is not recorded."""
    return text.partition(";")[0] if text.startswith("data:") else text


def _htmx(attributes: Attributes) -> str:
    return " ".join(f"{name}={value!r}" for name, value in sorted(attributes.items()) if name.startswith("hx-"))
