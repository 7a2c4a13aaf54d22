defmodule Guildhall.Api.Embeds do
  @moduledoc false

  # Embeds of a message as clients send them, and as they are stored and shown: maps with the wire's
  # keys, of the type `rich`. What a client may not set (a provider, a video) is dropped.

  alias Guildhall.Model.{Form, Json, Limits}

  @limit Limits.embeds()
  @max_text Limits.embed_text()

  @url [type: :string, length: Limits.embed_url()]
  @media [url: [required: true] ++ @url]
  @author [
    name: [type: :string, length: Limits.embed_name(), required: true],
    url: @url,
    icon_url: @url
  ]
  @footer [text: [type: :string, length: Limits.embed_footer(), required: true], icon_url: @url]
  @field [
    name: [type: :string, length: Limits.embed_name(), required: true],
    value: [type: :string, length: Limits.embed_value(), required: true],
    inline: [type: :boolean]
  ]

  @schema [
    title: [type: :string, length: Limits.embed_title()],
    description: [type: :string, length: Limits.embed_description()],
    url: @url,
    timestamp: [type: :timestamp],
    color: [type: :integer, range: 0..0xFFFFFF],
    author: [type: {:form, @author}],
    footer: [type: {:form, @footer}],
    image: [type: {:form, @media}],
    thumbnail: [type: {:form, @media}],
    fields: [type: {:list, {:form, @field}}, length: 0..Limits.embed_fields()]
  ]

  # The options of a form's field that holds embeds, or the older one that holds one.
  @spec field() :: keyword()
  def field, do: [type: {:list, {:form, @schema}}, length: 0..@limit]

  @spec single() :: keyword()
  def single, do: [type: {:form, @schema}]

  # Embeds that a form let through, as they are stored.
  @spec finish([map()]) :: {:ok, [map()]} | {:error, {:invalid, Form.tree()}}
  def finish(embeds) do
    if embeds |> Enum.map(&text/1) |> Enum.sum() <= @max_text,
      do: {:ok, Enum.map(embeds, &shown/1)},
      else: {:error, too_long()}
  end

  defp too_long do
    message = "Embed size exceeds maximum size of #{@max_text}"
    Form.error("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)
  end

  defp text(embed) do
    fields = for field <- embed[:fields] || [], text <- [field.name, field.value], do: text

    [embed[:title], embed[:description], embed[:author][:name], embed[:footer][:text] | fields]
    |> Enum.map(&String.length(&1 || ""))
    |> Enum.sum()
  end

  defp shown(embed) do
    embed
    |> Map.put(:type, "rich")
    |> update(:timestamp, &Json.timestamp/1)
    |> update(:fields, fn fields -> Enum.map(fields, &Map.put_new(&1, :inline, false)) end)
    |> update(:image, &Map.put(&1, :proxy_url, &1.url))
    |> update(:thumbnail, &Map.put(&1, :proxy_url, &1.url))
  end

  defp update(embed, key, fun) when is_map_key(embed, key), do: Map.update!(embed, key, fun)
  defp update(embed, _key, _fun), do: embed
end
