defmodule Guildhall.Redteam.Frames do
  @moduledoc false

  # Splits bytes from a server into WebSocket frames, and a rest that is no whole frame.

  @types %{0 => :continuation, 1 => :text, 2 => :binary, 8 => :close, 9 => :ping, 10 => :pong}

  @spec split(binary()) :: {[{atom(), binary()}], binary()}
  def split(bytes), do: split(bytes, [])

  defp split(<<_first, 127, size::64, _::binary-size(size), _::binary>> = bytes, frames),
    do: frame(bytes, 10, size, frames)

  defp split(<<_first, 126, size::16, _::binary-size(size), _::binary>> = bytes, frames),
    do: frame(bytes, 4, size, frames)

  defp split(<<_first, size, _::binary-size(size), _::binary>> = bytes, frames) when size < 126,
    do: frame(bytes, 2, size, frames)

  defp split(bytes, frames), do: {Enum.reverse(frames), bytes}

  defp frame(<<1::1, 0::3, opcode::4, _::binary>> = bytes, head, size, frames) do
    <<_head::binary-size(head), payload::binary-size(size), rest::binary>> = bytes
    split(rest, [{Map.fetch!(@types, opcode), payload} | frames])
  end
end
