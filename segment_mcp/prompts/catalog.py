"""Every prompt, in the order in which clients see them."""

from segment_mcp.prompts import changing, command_ai, looking
from segment_mcp.prompts.prompt import Prompt

PROMPTS: tuple[Prompt, ...] = (*command_ai.PROMPTS, *looking.PROMPTS, *changing.PROMPTS)
