"""What assistants can call."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from segsearch.client import AsyncClient, ClientError, Reference, Search

from . import answers
from .drawing import outlined

INSTRUCTIONS = """Search a library of photos whose unit is the segment: a thing, or a part of one, in a photo.
Search first; then describe or show what was found, by its ids. Nothing can be changed."""

MAX_PHOTO_BYTES = 25 * 1024**2
MAX_OUTLINES = 12

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Limit = Annotated[int, Field(ge=1, le=100, description="At most so many hits.")]
PhotoId = Annotated[int, Field(ge=0, description="From a hit.")]
SegmentId = Annotated[int, Field(ge=0, description="From a hit, or from describe_photo.")]


class Tools:
    """The tools, on one SegSearch server.

    Parameters
    ----------
    client : AsyncClient
    opens_paths : bool
        Whether photos may be named by a path on this machine.
    """

    def __init__(self, client: AsyncClient, *, opens_paths: bool) -> None:
        self._client = client
        self._opens_paths = opens_paths

    async def search_by_words(
        self,
        words: Annotated[str, Field(description="Such as `red car`, `dog on a sofa`, or `beach, no people`.")],
        limit: Limit = 10,
    ) -> answers.Found:
        """Find photos that show what the words say."""
        async with _telling():
            return answers.found(await self._client.searches.find(Search(words, limit=limit)))

    async def search_by_segment(self, segment_id: SegmentId, limit: Limit = 10) -> answers.Found:
        """Find photos with a thing that looks like a segment of another photo."""
        async with _telling():
            return answers.found(await self._client.searches.find(Search(positive=[segment_id], limit=limit)))

    async def search_by_photo(
        self,
        path: Annotated[str | None, Field(description="Of a picture file on this machine.")] = None,
        base64_data: Annotated[str | None, Field(description="The bytes of a picture file, instead of a path.")] = None,
        query_id: Annotated[int | None, Field(ge=0, description="Of a photo that was sent before, instead.")] = None,
        box: Annotated[
            tuple[float, float, float, float] | None,
            Field(description="x0, y0, x1, y1 in pixels around the thing to search for; else the whole photo."),
        ] = None,
        limit: Limit = 10,
    ) -> answers.FoundByPhoto:
        """Find photos that look like a photo, or that have a thing in it that you put a box around."""
        async with _telling():
            if sum(each is not None for each in (path, base64_data, query_id)) != 1:
                raise ToolError("give one of path, base64_data and query_id")
            if query_id is None:
                query_id = (await self._client.queries.upload(self._photo(path, base64_data))).id
            place = Reference(query=query_id, box=box)
            found = answers.found(await self._client.searches.find(Search(positive=[place], limit=limit)))
            return answers.FoundByPhoto(**dict(found), query_id=query_id)

    async def show_photo(
        self,
        photo_id: PhotoId,
        outline: Annotated[
            list[int] | None,
            Field(
                max_length=MAX_OUTLINES, description="Ids of segments of this photo to draw, with their ids on them."
            ),
        ] = None,
    ) -> Image:
        """Look at a photo, at most 1024 pixels wide and high."""
        async with _telling():
            picture = await self._client.photos.preview(photo_id)
            if outline:
                segments = {each.id: each for each in (await self._client.photos.get(photo_id)).segments}
                if strange := [each for each in outline if each not in segments]:
                    raise ToolError(f"photo {photo_id} has no segment {strange[0]}: describe_photo lists them")
                picture = outlined(picture, [segments[each] for each in outline])
            return Image(data=picture, format="jpeg")

    async def show_segment(self, segment_id: SegmentId) -> Image:
        """Look at a segment cut out of its photo; what is around it is transparent."""
        async with _telling():
            return Image(data=await self._client.segments.cutout(segment_id), format="png")

    async def describe_photo(self, photo_id: PhotoId) -> answers.Description:
        """A photo's name, size, date and tags, and its best segments with their labels and boxes."""
        async with _telling():
            return answers.described(await self._client.photos.get(photo_id, masks="none"))

    async def list_concepts(self) -> list[answers.ConceptName]:
        """Names that people taught the library; search_by_words finds them."""
        async with _telling():
            found = await self._client.concepts.all()
            return [answers.ConceptName(name=each.name, examples=each.examples) for each in found]

    async def library_status(self) -> answers.LibraryStatus:
        """How many photos the library has, and whether all of them can be found."""
        async with _telling():
            return answers.status(await self._client.installation.status())

    def _photo(self, path: str | None, base64_data: str | None) -> Path | bytes:
        if path is not None:
            if not self._opens_paths:
                raise ToolError("this server opens no files: send the photo as base64_data")
            if not Path(path).is_file():
                raise ToolError(f"there is no file {path}: give the path of a picture file")
            return Path(path)
        try:
            content = base64.b64decode((base64_data or "").partition("base64,")[2] or base64_data or "", validate=True)
        except binascii.Error as error:
            raise ToolError(f"base64_data is no base64 ({error}): encode the bytes of the picture file") from error
        if len(content) > MAX_PHOTO_BYTES:
            raise ToolError(f"the photo has more than {MAX_PHOTO_BYTES // 1024**2} MiB: send it smaller")
        return content


def server(client: AsyncClient, *, opens_paths: bool) -> MCPServer:
    """The server of the protocol.

    Parameters
    ----------
    client : AsyncClient
    opens_paths : bool
        Whether photos may be named by a path on this machine: only where the assistant runs as its user.
    """
    made = MCPServer("segsearch", title="SegSearch", instructions=INSTRUCTIONS)
    tools = Tools(client, opens_paths=opens_paths)
    for tool in (
        tools.search_by_words,
        tools.search_by_photo,
        tools.search_by_segment,
        tools.show_photo,
        tools.show_segment,
        tools.describe_photo,
        tools.list_concepts,
        tools.library_status,
    ):
        made.add_tool(tool, annotations=READS)
    return made


@asynccontextmanager
async def _telling() -> AsyncIterator[None]:
    """Have the assistant read what the client says, because it says what to do."""
    try:
        yield
    except (ClientError, OSError) as error:
        raise ToolError(str(error)) from error
