defmodule Guildhall.Api.MessageForm do
  @moduledoc false

  # The bodies from which messages are made and edited.

  alias Guildhall.Api.{Attachments, Call, Embeds}
  alias Guildhall.Model.{Form, Limits}

  @nonce Limits.nonce()
  @max_flags 0x7FFF_FFFF
  @int64 -0x8000_0000_0000_0000..0x7FFF_FFFF_FFFF_FFFF

  @mentions [
    parse: [
      type: {:list, {:in, %{"users" => :users, "roles" => :roles, "everyone" => :everyone}}},
      length: 0..3
    ],
    users: [type: {:list, :snowflake}, length: 0..Limits.allowed_mentions()],
    roles: [type: {:list, :snowflake}, length: 0..Limits.allowed_mentions()],
    replied_user: [type: :boolean]
  ]

  @reference [
    type: [type: {:in, [0, 1]}],
    message_id: [type: :snowflake, required: true],
    channel_id: [type: :snowflake],
    guild_id: [type: :snowflake],
    fail_if_not_exists: [type: :boolean]
  ]

  @both [
    embeds: Embeds.field(),
    attachments: Attachments.field(),
    allowed_mentions: [type: {:form, @mentions}],
    components: [type: &__MODULE__.none/1],
    flags: [type: :integer, range: 0..@max_flags]
  ]

  @create @both ++
            [
              content: [type: :string, length: Limits.content()],
              tts: [type: :boolean],
              embed: Embeds.single(),
              nonce: [type: &__MODULE__.nonce/1],
              enforce_nonce: [type: :boolean],
              message_reference: [type: {:form, @reference}],
              sticker_ids: [type: &__MODULE__.none/1],
              poll: [type: &__MODULE__.none/1]
            ]

  @nullable [:content, :embeds, :attachments]
  @edit for {name, options} <- [content: [type: :string, length: Limits.content()]] ++ @both,
            do: {name, options ++ [nullable: name in @nullable]}

  @spec create(Call.t()) :: {:ok, map()} | {:error, term()}
  def create(%Call{body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @create),
         {:ok, attrs} <- finish(attrs),
         {:ok, attachments} <- Attachments.new(call, attrs[:attachments] || []) do
      {:ok, attrs |> reference(call) |> Map.put(:attachments, attachments)}
    end
  end

  # `had` are the attachments that the message has.
  @spec edit(Call.t(), had :: [map()]) :: {:ok, map()} | {:error, term()}
  def edit(%Call{body: body, files: files} = call, had) do
    with {:ok, attrs} <- Form.cast(body, @edit),
         {:ok, attrs} <- finish(attrs) do
      if files == [] and not is_map_key(attrs, :attachments),
        do: {:ok, attrs},
        else: attach(attrs, call, had)
    end
  end

  # Those that the edit names stay; an edit that names none but brings files keeps them all.
  defp attach(attrs, call, had) do
    entries = attrs[:attachments] || []
    named = Enum.map(entries, & &1.id)
    kept = if is_map_key(attrs, :attachments), do: Enum.filter(had, &(&1.id in named)), else: had
    new = Enum.reject(entries, fn entry -> Enum.any?(had, &(&1.id == entry.id)) end)

    with {:ok, added} <- Attachments.new(call, new) do
      {:ok, Map.put(attrs, :attachments, kept ++ added)}
    end
  end

  defp finish(%{embed: embed} = attrs) do
    attrs |> Map.delete(:embed) |> Map.put_new(:embeds, [embed]) |> finish()
  end

  defp finish(attrs) do
    with :ok <- exclusive(attrs[:allowed_mentions]) do
      case attrs do
        %{embeds: embeds} when is_list(embeds) -> embeds(attrs, embeds)
        %{} -> {:ok, attrs}
      end
    end
  end

  defp embeds(attrs, embeds) do
    with {:ok, embeds} <- Embeds.finish(embeds), do: {:ok, %{attrs | embeds: embeds}}
  end

  # A kind is either allowed as a whole or listed.
  defp exclusive(nil), do: :ok

  defp exclusive(mentions) do
    case for(kind <- mentions[:parse] || [], mentions[kind] not in [nil, []], do: kind) do
      [] ->
        :ok

      [kind | _more] ->
        message = "parse:[\"#{kind}\"] and #{kind}: [ids...] are mutually exclusive."

        {:error,
         Form.error("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)}
    end
  end

  defp reference(%{message_reference: reference} = attrs, %Call{params: %{channel_id: id}}) do
    %{attrs | message_reference: Map.merge(%{type: 0, channel_id: id}, reference)}
  end

  defp reference(attrs, _call), do: attrs

  @spec nonce(term()) :: {:ok, integer() | String.t()} | {:error, String.t(), String.t()}
  def nonce(nonce) when is_integer(nonce) and nonce in @int64, do: {:ok, nonce}

  def nonce(nonce) when is_binary(nonce) do
    if String.length(nonce) <= @nonce,
      do: {:ok, nonce},
      else: {:error, "NONCE_TYPE_TOO_LONG", "Nonce must be #{@nonce} or fewer in length."}
  end

  def nonce(_other), do: {:error, "NONCE_TYPE_INVALID", "Nonce must be an integer or a string."}

  # What is not served may be sent empty, as libraries do, and is refused otherwise.
  @spec none(term()) :: {:ok, []} | {:error, String.t(), String.t()}
  def none(empty) when empty in [[], %{}], do: {:ok, []}
  def none(_other), do: {:error, "UNSUPPORTED", "This server does not support this field."}
end
