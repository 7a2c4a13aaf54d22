defmodule Guildhall.Http.Frame do
  @moduledoc false

  # WebSocket frames as a server sends them: whole, not masked.

  @opcodes [text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xA]
  # A close frame holds 125 bytes: the code and this much text.
  @reason_limit 123

  for {type, opcode} <- @opcodes do
    @spec encode(unquote(type), iodata()) :: iodata()
    def encode(unquote(type), data) do
      [header(unquote(0x80 + opcode), IO.iodata_length(data)), data]
    end
  end

  defp header(first, size) when size < 126, do: <<first, size>>
  defp header(first, size) when size < 65_536, do: <<first, 126, size::16>>
  defp header(first, size), do: <<first, 127, size::64>>

  @doc "A close frame; without a code it is empty. A reason that is too long is cut."
  @spec close(1000..4999 | nil, String.t()) :: iodata()
  def close(nil, _reason), do: encode(:close, "")

  def close(code, reason) when code in 1000..4999 do
    encode(:close, [<<code::16>>, cut(reason)])
  end

  defp cut(reason) when byte_size(reason) <= @reason_limit, do: reason
  defp cut(reason), do: reason |> binary_part(0, @reason_limit) |> whole()

  defp whole(text) do
    if String.valid?(text), do: text, else: whole(binary_part(text, 0, byte_size(text) - 1))
  end
end
