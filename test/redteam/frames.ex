defmodule Guildhall.Redteam.Frames do
  @moduledoc false

  # Cuts the bytes of a connection into WebSocket frames. What is no whole frame yet is kept in pieces,
  # so that a frame of megabytes is copied once.

  defstruct pieces: [], have: 0, need: 2

  @type t :: %__MODULE__{pieces: [binary()], have: non_neg_integer(), need: pos_integer()}
  @type frame :: {atom(), binary()}

  @types %{0 => :continuation, 1 => :text, 2 => :binary, 8 => :close, 9 => :ping, 10 => :pong}

  @doc "Takes bytes and returns the frames that are whole with them."
  @spec put(t(), binary()) :: {[frame()], t()}
  def put(frames, bytes) do
    pieces = [bytes | frames.pieces]
    have = frames.have + byte_size(bytes)

    if have < frames.need do
      {[], %{frames | pieces: pieces, have: have}}
    else
      {whole, rest} = pieces |> Enum.reverse() |> IO.iodata_to_binary() |> split([])
      {whole, %__MODULE__{pieces: [rest], have: byte_size(rest), need: need(rest)}}
    end
  end

  @doc """
  The number and the type of a payload's event, read from how it begins: `{s, t}`, nil for one that
  begins otherwise.
  """
  @spec head(binary()) :: {pos_integer(), String.t()} | nil
  def head(~s({"s":) <> rest) do
    with {s, ~s(,"t":") <> rest} <- Integer.parse(rest),
         [type, _data] <- :binary.split(rest, ~s(","op":0,"d":)) do
      {s, type}
    else
      _other -> nil
    end
  end

  def head(_text), do: nil

  defp split(bytes, frames) do
    need = need(bytes)

    if byte_size(bytes) < need do
      {Enum.reverse(frames), bytes}
    else
      <<frame::binary-size(need), rest::binary>> = bytes
      split(rest, [frame(frame) | frames])
    end
  end

  # How many bytes the first frame has, or its head if that is not there.
  defp need(<<_first, 127, size::64, _rest::binary>>), do: 10 + size
  defp need(<<_first, 127, _rest::binary>>), do: 10
  defp need(<<_first, 126, size::16, _rest::binary>>), do: 4 + size
  defp need(<<_first, 126, _rest::binary>>), do: 4
  defp need(<<_first, size, _rest::binary>>), do: 2 + size
  defp need(_part), do: 2

  defp frame(<<1::1, 0::3, opcode::4, 0::1, size::7, rest::binary>>) do
    {Map.fetch!(@types, opcode), payload(size, rest)}
  end

  defp payload(126, <<_size::16, payload::binary>>), do: payload
  defp payload(127, <<_size::64, payload::binary>>), do: payload
  defp payload(_size, payload), do: payload
end
