defmodule Guildhall.Api.Attachments do
  @moduledoc false

  # What a message says of its files. The bytes are not kept: the size and the type are true, the
  # address leads to nothing yet.

  alias Guildhall.Api.Call
  alias Guildhall.{Instance, Store}
  alias Guildhall.Model.{Form, Limits}

  @limit Limits.attachments()

  @entry [
    id: [type: :snowflake, required: true],
    filename: [type: :string, length: Limits.attachment_name()],
    description: [type: :string, length: Limits.attachment_description(), nullable: true]
  ]

  # The options of a form's field that describes attachments.
  @spec field() :: keyword()
  def field, do: [type: {:list, {:form, @entry}}, length: 0..@limit]

  # The attachments made of a call's files. An entry describes the file whose number is its id.
  @spec new(Call.t(), entries :: [map()]) :: {:ok, [map()]} | {:error, term()}
  def new(%Call{files: files} = call, entries) do
    numbered =
      Map.new(Enum.with_index(files), fn {file, index} -> {number(file, index), file} end)

    case Enum.find(entries, &(not is_map_key(numbered, &1.id))) do
      nil ->
        with {:ok, ids} <- Store.next_ids(call.instance, map_size(numbered)) do
          files = Enum.zip(Enum.sort(numbered), ids)

          {:ok,
           for({{number, file}, id} <- files, do: attachment(call, file, {number, id}, entries))}
        end

      entry ->
        {:error, unknown(entry)}
    end
  end

  defp unknown(%{id: id}) do
    Form.error("attachments", "ATTACHMENT_NOT_FOUND", "Attachment data not found. id: #{id}")
  end

  # `files[3]` says its number; other names count.
  defp number(%{field: field}, index) do
    case Regex.run(~r/^files?\[?(\d{1,9})\]?$/, field) do
      [_all, digits] -> String.to_integer(digits)
      nil -> index
    end
  end

  defp attachment(call, %{bytes: bytes} = file, {number, id}, entries) do
    entry = Enum.find(entries, %{}, &(&1.id == number))
    filename = filename(entry[:filename] || file.filename)
    url = url(call, id, filename)

    %{id: id, filename: filename, size: byte_size(bytes), url: url, proxy_url: url}
    |> put(:content_type, file.content_type)
    |> put(:description, entry[:description])
  end

  defp put(attachment, _key, nil), do: attachment
  defp put(attachment, key, value), do: Map.put(attachment, key, value)

  # No folders, nothing that a shell or an address would have to quote.
  defp filename(name) do
    name = name |> String.split(["/", "\\"]) |> List.last()

    case name |> String.replace(~r/[^\p{L}\p{N}._()-]+/u, "_") |> String.slice(0, 260) do
      blank when blank in ["", ".", ".."] -> "unknown"
      filename -> filename
    end
  end

  defp url(%Call{instance: instance, params: %{channel_id: channel_id}}, id, filename) do
    "#{Instance.fetch!(instance, :url)}/attachments/#{channel_id}/#{id}/#{URI.encode(filename)}"
  end
end
