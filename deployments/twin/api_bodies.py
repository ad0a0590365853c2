"""What callers of the stand-in API may send."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

Text = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class Registration(BaseModel):
    """The body of auth/register."""

    email: Email
    password: Annotated[str, Field(min_length=8, max_length=200)]
    role: Literal["SHIPPER", "CARRIER", "ADMIN"]


class Credentials(BaseModel):
    """The body of auth/login."""

    email: Email
    password: Annotated[str, Field(max_length=200)]


class NewBid(BaseModel):
    """The body of order/bid; weight in tonnes."""

    model_config = ConfigDict(populate_by_name=True)

    origin: Text
    destination: Text
    cargo_weight: Annotated[int, Field(alias="cargoWeight", gt=0, le=1000)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None


Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, kind: type[Body]) -> Body:
    """Read a JSON body of that kind; 422 with the reasons when it is none."""
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise HTTPException(422, "; ".join(reasons)) from None
