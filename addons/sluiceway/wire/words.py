"""The words of the protocols themselves: as a field's name or a value they say nothing about anybody.

Only words of six letters and more: shorter ones are too short to hold anything, wherever they stand.
"""

from __future__ import annotations

MIN_CHARACTERS = 6
"""Outside of messages, arguments and results, a shorter string holds no address, number or credential."""


_FIELDS_AND_VALUES = """
additionalProperties arguments background budget_tokens cache_control candidateCount citations content
contents context_management conversation description detail document documents effort enabled file_data
filename fileUri format function functionCallingConfig functionDeclarations function_declarations
functionResponse functionCall functions generationConfig include include_usage inlineData input_audio
input_schema instructions is_error json_schema max_completion_tokens max_output_tokens max_tokens
maxOutputTokens media_type messages metadata mimeType mime_type output_config parallel_tool_calls parameters
parametersJsonSchema previous_response_id prompt_cache_key reasoning reasoning_effort requests response
response_format responseMimeType responseSchema response_schema safetySettings schema service_tier source
status stop_sequences stream_options strict summary system systemInstruction system_instruction temperature
thinking thinkingConfig thinkingBudget includeThoughts thoughtSignature tool_choice tool_resources
toolConfig topLogprobs top_logprobs truncation user_id variables verbosity threshold category budget
$schema default definitions exclusiveMaximum exclusiveMinimum maxItems maximum maxLength minItems minimum
minLength multipleOf nullable object pattern properties propertyNames propertyOrdering required string
integer number boolean unevaluatedProperties uniqueItems date-time http://json-schema.org/draft-07/schema#
https://json-schema.org/draft/2020-12/schema OBJECT STRING INTEGER NUMBER BOOLEAN
adaptive additional_tools allowed_tools assistant base64 computer custom_tool_call custom_tool_call_output
developer disabled ephemeral explicit function_call function_call_output image/gif image/jpeg image/png
image/webp application/json application/pdf text/plain image_url implicit incomplete in_progress completed
input_file input_image input_text item_reference local_shell_call local_shell_call_output medium message
minimal output_text redacted_thinking refusal server_tool_use standard_only summarized summary_text
text_delta tool_definition tool_reference tool_result tool_use web_search web_search_call concise detailed
priority default unspecified reasoning.encrypted_content
response.create response.steer response.inject conversation.item.create session.update realtime
transcription_session.update output_modalities setup turnComplete
"""

_PLAIN_NUMBERS = """
seed maximum minimum exclusiveMaximum exclusiveMinimum maxLength minLength maxItems created created_at
expires_at
"""

WORDS = frozenset(_FIELDS_AND_VALUES.split())

PLAIN_NUMBERS = frozenset(_PLAIN_NUMBERS.split())
"""Fields whose long numbers are no card, account or telephone number."""
