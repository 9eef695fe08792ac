"""What a pydantic model expects at a place: the models that may stand there and their field names."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, TypeAliasType, Union, get_args, get_origin

from pydantic import BaseModel


def models_at(annotation: Any, loc: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that may stand at a pydantic location (branch names included) below `annotation`."""
    if isinstance(annotation, TypeAliasType):
        return models_at(annotation.__value__, loc)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _below_model(annotation, loc)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return models_at(args[0], loc)
    if origin in (Union, UnionType):
        return _below_union(args, loc)
    if args and loc:  # a list or tuple by index, a mapping by name
        return models_at(args[-1] if isinstance(loc[0], str) else args[0], loc[1:])
    return []


def _below_model(model: type[BaseModel], loc: Sequence[str | int]) -> list[type[BaseModel]]:
    if not loc:
        return [model]
    field = fields(model).get(str(loc[0]))
    return [] if field is None else models_at(field, loc[1:])


def _below_union(args: Sequence[Any], loc: Sequence[str | int]) -> list[type[BaseModel]]:
    for arg in args:
        if loc and getattr(arg, "__name__", None) == loc[0]:
            return models_at(arg, loc[1:])
    return [model for arg in args for model in models_at(arg, loc)]


def fields(model: type[BaseModel]) -> dict[str, Any]:
    """Field names as the file spells them, with their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def shape(model: type[BaseModel]) -> str:
    """A model at a glance: `{team: ...}`."""
    required = [f.alias or name for name, f in model.model_fields.items() if f.is_required()]
    return "{" + ", ".join(f"{name}: ..." for name in required or list(fields(model))[:3]) + "}"
