"""The base of every record read from a file, and the small types their fields share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class Section(BaseModel):
    """A mapping of a file: an unknown field is an error, so a typo cannot switch anything off."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _name(text: str) -> str:
    allowed = text.replace("-", "0")
    if not (allowed.isascii() and allowed.isalnum() and allowed == allowed.lower() and text[0] != "-"):
        raise ValueError("a name is made of a-z, 0-9 and '-', and starts with a letter or a digit")
    if len(text) > 64:
        raise ValueError("a name has at most 64 characters")
    return text


def number(value: object) -> object:
    """What pydantic may read as a number."""
    if value is True or value is False:
        raise ValueError("must be a number")  # pydantic would read true as 1
    return value


type Name = Annotated[str, AfterValidator(_name)]
type Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
type Count = Annotated[int, Field(ge=1, le=10**12, strict=True)]
type Days = Annotated[int, Field(ge=1, le=36_500, strict=True)]
type Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
type Seconds = Annotated[float, Field(gt=0, le=86_400), BeforeValidator(number)]
type Wait = Annotated[float, Field(ge=0, le=86_400), BeforeValidator(number)]
