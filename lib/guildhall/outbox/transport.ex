defmodule Guildhall.Outbox.Transport do
  @moduledoc """
  How payloads travel on one connection.

  | kind | messages | memory |
  | ---- | -------- | ------ |
  | `:plain` | JSON in text messages | none to speak of |
  | `:zlib_stream` | one zlib stream in binary messages, a sync flush after each payload | 214 KB |
  | `:zstd_stream` | one zstd frame that never ends in binary messages, a flush after each payload | 167 KB |

  A transport belongs to one connection from its first byte to its last, because a compressed
  payload can be read only after all before it. A new connection of the same session gets a new one.

      iex> plain = Guildhall.Outbox.Transport.new(:plain)
      iex> Guildhall.Outbox.Transport.frame(plain, ~s({"op":11,"d":null}))
      <<0x81, 18, ~s({"op":11,"d":null})>>
  """

  alias Guildhall.Native

  @typedoc "A handle; what is behind it is not to be looked at."
  @type t :: reference()
  @type kind :: :plain | :zlib_stream | :zstd_stream

  @doc "Makes the transport of a new connection."
  @spec new(kind()) :: t()
  def new(kind) when kind in [:plain, :zlib_stream, :zstd_stream] do
    Native.outbox_transport_new(kind)
  end

  @doc """
  Frames a payload that is no event and has no number: HELLO, an acknowledged heartbeat, ...

  Its place in the stream is the place of the call; write the frame before what is taken later.
  """
  @spec frame(t(), payload_json :: iodata()) :: binary()
  def frame(transport, payload_json) do
    case Native.outbox_transport_frame(transport, payload_json) do
      :beyond -> Native.outbox_transport_frame_dirty(transport, payload_json)
      frame -> frame
    end
  end
end
