defmodule Guildhall.Payload.Reference do
  @moduledoc false

  # `Guildhall.Payload` in plain Elixir, sharing nothing with it but the names of errors: the oracle
  # of its tests, and a contender of its benchmark. Floats may be spelt differently.

  alias Guildhall.Payload.Error
  alias Guildhall.Payload.Reference.Decoder
  alias Guildhall.Payload.Reference.Encoder

  @max_bytes 64 * 1024 * 1024

  @spec encode(term(), pos_integer()) :: {:ok, binary()} | {:error, Error.t()}
  def encode(term, max_bytes \\ @max_bytes) do
    case IO.iodata_to_binary(Encoder.encode(term)) do
      json when byte_size(json) > max_bytes -> {:error, %Error{reason: :too_large}}
      json -> {:ok, json}
    end
  catch
    {:refused, reason, position, term, path} ->
      path = Enum.reverse(path)
      {:error, %Error{reason: reason, position: position, term: term, path: path}}
  end

  @spec decode(binary(), pos_integer()) :: {:ok, term()} | {:error, Error.t()}
  def decode(json, max_bytes \\ @max_bytes)

  def decode(json, max_bytes) when byte_size(json) > max_bytes do
    {:error, %Error{reason: :too_large, position: max_bytes}}
  end

  def decode(json, _max_bytes) when is_binary(json) do
    {:ok, Decoder.decode(json)}
  catch
    {:unread, reason, rest} -> {:error, %Error{reason: reason, position: byte_size(json) - rest}}
  end
end
