defmodule Guildhall.Payload do
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

  Both directions refuse more than 512 open arrays and objects and more than 64 MB of text.

  | function      | cost                | scheduler                        |
  | ------------- | ------------------- | -------------------------------- |
  | `encode/1`    | `O(n)`, 2 ns a byte | normal up to 64 KB, above dirty  |
  | `decode/1`    | `O(n)`, 2 ns a byte | normal up to 64 KB, above dirty  |
  | `to_etf/1`    | `O(n)`              | normal, yields                   |
  | `from_etf/1`  | `O(n)`              | normal, yields                   |
  | `memory/0`    | `O(1)`              | normal                           |
  """

  alias Guildhall.Native
  alias Guildhall.Payload.Error
  alias Guildhall.Payload.External
  alias Guildhall.Payload.Raw

  # A normal scheduler reads this much in well under a millisecond, whatever it holds.
  @normal_bytes 65_536

  @type json ::
          nil | boolean() | binary() | number() | [json()] | %{optional(binary()) => json()}

  @doc "Returns the JSON text of `term`."
  @spec encode(term()) :: {:ok, binary()} | {:error, Error.t()}
  def encode(term) do
    case Native.payload_encode(term) do
      {:ok, _json} = ok -> ok
      {:more, text, rest} -> text |> Native.payload_encode_dirty(rest) |> encoded()
      {:error, _detail} = error -> encoded(error)
    end
  end

  @doc "Returns the JSON text of `term`, or raises `Guildhall.Payload.Error`."
  @spec encode!(term()) :: binary()
  def encode!(term), do: term |> encode() |> bang!()

  @doc "Returns the term that the text `json` spells."
  @spec decode(binary()) :: {:ok, json()} | {:error, Error.t()}
  def decode(json) when is_binary(json) do
    result =
      if byte_size(json) <= @normal_bytes,
        do: Native.payload_decode(json),
        else: Native.payload_decode_dirty(json)

    with {:error, {reason, position}} <- result do
      {:error, %Error{reason: reason, position: position}}
    end
  end

  @doc "Returns the term that the text `json` spells, or raises `Guildhall.Payload.Error`."
  @spec decode!(binary()) :: json()
  def decode!(json), do: json |> decode() |> bang!()

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
  """
  @spec from_etf(binary()) :: {:ok, json()} | {:error, Error.t()}
  defdelegate from_etf(binary), to: External, as: :decode

  @doc """
  Returns how many bytes of native memory the schedulers keep for their next calls.

  What a large text needed is given back after the call; each scheduler keeps at most
  about 2 MB.
  """
  @spec memory() :: non_neg_integer()
  def memory, do: Native.payload_retained()

  defp encoded({:ok, _json} = ok), do: ok

  defp encoded({:error, {reason, position, term, path}}) do
    {:error, %Error{reason: reason, position: position, term: term, path: path}}
  end

  defp bang!({:ok, value}), do: value
  defp bang!({:error, error}), do: raise(error)
end
