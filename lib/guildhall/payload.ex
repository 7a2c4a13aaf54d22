defmodule Guildhall.Payload do
  # Also the limit of the native reader.
  @max_bytes 64 * 1024 * 1024

  @schema [
    max_bytes: [
      type: {:in, 1..@max_bytes},
      default: @max_bytes,
      doc: "How long a text may be; a longer one is an error, `:too_large`."
    ]
  ]

  alias Guildhall.{Native, Options}
  alias Guildhall.Payload.{Error, External, Raw}

  @moduledoc """
  Terms as bytes for clients: JSON, and the external term format (ETF).

      iex> alias Guildhall.Payload
      iex> json = Payload.encode!(%{op: 10, d: %{"heartbeat_interval" => 41_250}, t: nil})
      iex> Payload.decode(json)
      {:ok, %{"op" => 10, "d" => %{"heartbeat_interval" => 41_250}, "t" => nil}}
      iex> {:error, error} = Payload.decode(~s({"op": 10,}))
      iex> {error.reason, error.position}
      {:unexpected_byte, 10}

  Needs no process and no application. What JSON is here:

  | term                                        | text                            |
  | ------------------------------------------- | ------------------------------- |
  | `nil`, `true`, `false`                      | `null`, `true`, `false`         |
  | any other atom                              | a string                        |
  | a binary                                    | a string; it must be UTF-8      |
  | an integer                                  | its digits, at most 1,024       |
  | a float                                     | the shortest text that reads back as it |
  | a map with atom, binary and integer keys    | an object, in the map's order   |
  | a list, keyword lists as well               | an array                        |
  | `raw/1`                                     | what it holds                   |
  | tuples, structs, pids, functions, ...       | an error that names it          |

  Read, keys and strings are binaries of their own, never parts of the text, and no
  atom is made. An integer is exact whatever its size. Of equal keys the last one
  counts. A float beyond those of 64 bits, half a surrogate pair, and a string that is
  not UTF-8 are errors, and the error has the offset of the byte.

  Both directions refuse more than 512 open arrays and objects, and more text than `:max_bytes`,
  which is 64 MB where it is not said. What a client sends is best read with the least that it may
  need: terms take up to 16 times the memory of their text.

      iex> Guildhall.Payload.decode("[1,2,3]", max_bytes: 4)
      {:error, %Guildhall.Payload.Error{reason: :too_large, position: 4}}

  | function      | cost                | scheduler                        |
  | ------------- | ------------------- | -------------------------------- |
  | `encode/2`, `encode!/2` | `O(n)`, 2 ns a byte | normal up to 64 KB, above dirty  |
  | `decode/2`, `decode!/2` | `O(n)`, 2 ns a byte | normal up to 64 KB, above dirty  |
  | `to_etf/1`    | `O(n)`              | normal, yields                   |
  | `from_etf/2`  | `O(n)`              | normal, yields                   |
  | `memory/0`    | `O(1)`              | normal                           |

  Native memory is what the schedulers keep from one call to the next, at most about 2 MB each; what
  a large text needed beyond that is given back when its call ends.
  """

  # A normal scheduler reads this much in well under a millisecond, whatever it holds.
  @normal_bytes 65_536

  @type json ::
          nil | boolean() | binary() | number() | [json()] | %{optional(binary()) => json()}

  @doc """
  Returns the JSON text of `term`.

  #{Options.docs(@schema)}
  """
  @spec encode(term(), keyword()) :: {:ok, binary()} | {:error, Error.t()}
  def encode(term, options \\ []) do
    max = max_bytes(options)

    case Native.payload_encode(term, max) do
      {:ok, _json} = ok -> ok
      {:more, text, rest} -> text |> Native.payload_encode_dirty(rest, max) |> encoded()
      {:error, _detail} = error -> encoded(error)
    end
  end

  @doc "Returns the JSON text of `term`, or raises `Guildhall.Payload.Error`."
  @spec encode!(term(), keyword()) :: binary()
  def encode!(term, options \\ []), do: term |> encode(options) |> bang!()

  @doc """
  Returns the term that the text `json` spells.

  #{Options.docs(@schema)}
  """
  @spec decode(binary(), keyword()) :: {:ok, json()} | {:error, Error.t()}
  def decode(json, options \\ []) when is_binary(json) do
    max = max_bytes(options)

    result =
      cond do
        byte_size(json) > max -> {:error, {:too_large, max}}
        byte_size(json) <= @normal_bytes -> Native.payload_decode(json)
        true -> Native.payload_decode_dirty(json)
      end

    with {:error, {reason, position}} <- result do
      {:error, %Error{reason: reason, position: position}}
    end
  end

  @doc "Returns the term that the text `json` spells, or raises `Guildhall.Payload.Error`."
  @spec decode!(binary(), keyword()) :: json()
  def decode!(json, options \\ []), do: json |> decode(options) |> bang!()

  @doc """
  Returns a fragment that stands for the text `json` wherever a value may stand.

  The text is taken as it is: whether it is JSON is the caller's business.

      iex> ready = Guildhall.Payload.raw(["[1,", "2]"])
      iex> Guildhall.Payload.encode!(%{list: ready})
      ~s({"list":[1,2]})
  """
  @spec raw(iodata()) :: Raw.t()
  def raw(json), do: %Raw{json: IO.iodata_to_binary(json)}

  @doc """
  Returns `term` in the external term format, as clients of `encoding=etf` can read it.

  Atoms have the old tags, which is all that erlpack knows; keys and values stay what they
  are, so wire maps that clients match on should have atom keys.
  """
  @spec to_etf(term()) :: binary()
  def to_etf(term), do: :erlang.term_to_binary(term, minor_version: 1)

  @doc """
  Returns the term that `binary` holds in the external term format, if it could be JSON.

  Bytes from a client are safe here: no atom is made, nothing is unpacked, and
  anything but maps with binary keys, lists, numbers, UTF-8 binaries, `nil`, `true`
  and `false` is an error.

  #{Options.docs(@schema)}
  """
  @spec from_etf(binary(), keyword()) :: {:ok, json()} | {:error, Error.t()}
  def from_etf(binary, options \\ []), do: External.decode(binary, max_bytes(options))

  @doc "Returns how many buffers the schedulers keep for their next calls, and their bytes."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.payload_memory()
    %{count: count, bytes: bytes}
  end

  # What most calls say costs nothing.
  defp max_bytes([]), do: @max_bytes
  defp max_bytes(options), do: Options.validate!(options, @schema)[:max_bytes]

  defp encoded({:ok, _json} = ok), do: ok

  defp encoded({:error, {reason, position, term, path}}) do
    {:error, %Error{reason: reason, position: position, term: term, path: path}}
  end

  defp bang!({:ok, value}), do: value
  defp bang!({:error, error}), do: raise(error)
end
