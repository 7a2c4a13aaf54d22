defmodule Guildhall.Outbox.Transport do
  @schema [
    encoding: [
      type: {:in, [:json, :etf]},
      default: :json,
      doc: "How payloads are spelt: as JSON, or in the external term format."
    ],
    compression: [
      type: {:in, [:shared, :context, :auto]},
      default: :auto,
      doc:
        "Who compresses an event: everyone together, each connection for itself, or as it pays."
    ],
    context_bytes: [
      type: :non_neg_integer,
      default: 67_108_864,
      doc:
        "With `:context` and `:auto`, how much memory the contexts of all connections of the VM may take."
    ]
  ]

  alias Guildhall.{Native, Options, Payload}

  @moduledoc """
  How payloads travel on one connection.

  | kind | messages |
  | ---- | -------- |
  | `:plain` | JSON in text messages, ETF in binary ones |
  | `:zlib_stream` | one zlib stream in binary messages, a sync flush after each payload |
  | `:zstd_stream` | one zstd frame that never ends in binary messages, a flush after each payload |

  A transport belongs to one connection from its first byte to its last, because a compressed
  payload can be read only after all before it. A new connection of the same session gets a new one.

      iex> plain = Guildhall.Outbox.Transport.new(:plain)
      iex> Guildhall.Outbox.Transport.frame(plain, ~s({"op":11,"d":null}))
      <<0x81, 18, ~s({"op":11,"d":null})>>

  ## Compression

  * `:shared`: an event is compressed once, and what comes of it is copied into the stream of each
    connection, behind the few bytes that are the connection's own.
  * `:context`: a connection has a context, which knows what went before and so makes fewer bytes,
    for some 210 KB (zlib) or 170 KB (zstd) and its own time for each event.
  * `:auto`: zlib-stream begins with a context, and gives it up for good with the first event that 16 or
    more hold. zstd-stream is as with `:shared`.

  The contexts of all connections of the VM together take no more than `context_bytes`. A connection that
  would pass it has none and is as with `:shared`, to its end; `without_context/0` counts those.

  ## ETF

  Maps have atoms as keys where the key is a name (`a-z`, `0-9`, `_`), and binaries where it is not,
  such as an id. `null` is `nil`, texts are binaries, integers are integers. Atoms have the tag that
  erlpack knows, `ATOM_EXT`.

  ## Costs

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `frame/2` | `O(bytes)` | normal; dirty from 512 KB to copy, 32 KB to turn into ETF or 16 KB to compress on |
  | `prime/1` | `O(bytes)`, once | normal |
  | `new/2`, `without_context/0` | constant | normal |

  ## Options

  #{Options.docs(@schema)}
  """

  @typedoc "A handle; what is behind it is not to be looked at."
  @type t :: reference()
  @type kind :: :plain | :zlib_stream | :zstd_stream

  @doc "Makes the transport of a new connection."
  @spec new(kind(), keyword()) :: t()
  def new(kind, options \\ []) when kind in [:plain, :zlib_stream, :zstd_stream] do
    options = Options.validate!(options, @schema)
    bytes = min(options[:context_bytes], 0xFFFF_FFFF_FFFF_FFFF)
    Native.outbox_transport_new(kind, options[:encoding], options[:compression], bytes)
  end

  @doc """
  Gives the zstd streams of this VM typical events, as JSON, to tell later events by.

  Each connection is sent them in one of its first payloads, as a last field `"_primer"`, which clients
  pass over, and again after every megabyte. What an event has in common with them takes no bytes:
  the order of fields counts, and at most 16 KB. There are some of Guildhall's own, in the order of
  their keys, so this is for other events, or for another order.

  To be called before the first connection, since all share one: `{:error, :in_use}` if others are in
  use, `{:error, :unfit}` if it is too large, no JSON, or repeats nothing of itself.
  """
  @spec prime(json :: binary()) :: :ok | {:error, :in_use | :unfit}
  def prime(json) when is_binary(json) do
    with {:ok, _events} <- Payload.decode(json),
         :ok <- Native.outbox_transport_prime(json) do
      :ok
    else
      :in_use -> {:error, :in_use}
      _unfit -> {:error, :unfit}
    end
  end

  @doc """
  Returns how many connections of this VM have begun without the context that their policy asks for,
  because `context_bytes` was reached.
  """
  @spec without_context() :: non_neg_integer()
  def without_context, do: Native.outbox_transport_without_context()

  @doc """
  Frames a payload that is no event and has no number: HELLO, an acknowledged heartbeat, ...

  Its place in the stream is the place of the call; write the frame before what is taken later.
  Raises `ArgumentError` if it should be turned into ETF and is not JSON.
  """
  @spec frame(t(), payload_json :: iodata()) :: binary()
  def frame(transport, payload_json) do
    case Native.outbox_transport_frame(transport, payload_json) do
      :beyond -> Native.outbox_transport_frame_dirty(transport, payload_json)
      frame -> frame
    end
  end
end
