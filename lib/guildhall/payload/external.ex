defmodule Guildhall.Payload.External do
  @moduledoc false

  # Reads the external term format of a client: by the VM, and then every term is looked at.
  # `:safe` makes no atoms, but lets pids, references and functions through.

  alias Guildhall.Payload.Error

  @max_depth 512
  @beyond Integer.pow(10, 1_024)

  @spec decode(binary(), max_bytes :: pos_integer()) :: {:ok, term()} | {:error, Error.t()}
  def decode(binary, max_bytes) when byte_size(binary) > max_bytes, do: refuse(:too_large)

  # A few bytes of a compressed term may be gigabytes.
  def decode(<<131, 80, _rest::binary>>, _max_bytes), do: refuse(:invalid_external)

  def decode(binary, _max_bytes) when is_binary(binary) do
    case :erlang.binary_to_term(binary, [:safe, :used]) do
      {term, used} when used == byte_size(binary) -> checked(term)
      {_term, _used} -> refuse(:invalid_external)
    end
  rescue
    ArgumentError -> refuse(:invalid_external)
  end

  defp refuse(reason), do: {:error, %Error{reason: reason}}

  defp checked(term) do
    check(term, 0, [])
    {:ok, term}
  catch
    {__MODULE__, error} -> {:error, error}
  end

  defp check(term, _depth, _path) when term in [nil, true, false] or is_float(term), do: :ok

  defp check(term, _depth, path) when is_integer(term) do
    unless abs(term) < @beyond, do: stop(:number_too_long, term, path)
  end

  defp check(term, _depth, path) when is_binary(term), do: check_text(term, path)

  defp check(term, @max_depth, path) when is_list(term) or is_map(term),
    do: stop(:too_deep, term, path)

  defp check(list, depth, path) when is_list(list), do: check_list(list, 0, list, depth + 1, path)

  defp check(%{__struct__: _} = struct, _depth, path), do: stop(:__struct__, struct, path)

  defp check(map, depth, path) when is_map(map) do
    for {key, value} <- map do
      if is_binary(key), do: check_text(key, path), else: stop(:invalid_key, key, path)
      check(value, depth + 1, [key | path])
    end
  end

  defp check(term, _depth, path), do: stop(kind(term), term, path)

  defp check_list([head | tail], index, list, depth, path) do
    check(head, depth, [index | path])
    check_list(tail, index + 1, list, depth, path)
  end

  defp check_list([], _index, _list, _depth, _path), do: :ok
  defp check_list(_tail, _index, list, _depth, path), do: stop(:improper_list, list, path)

  defp check_text(text, path) do
    case :unicode.characters_to_binary(text) do
      text when is_binary(text) -> :ok
      {_kind, valid, _rest} -> stop(:invalid_utf8, text, path, byte_size(valid))
    end
  end

  defp kind(term) when is_atom(term), do: :atom
  defp kind(term) when is_tuple(term), do: :tuple
  defp kind(term) when is_bitstring(term), do: :bitstring
  defp kind(term) when is_pid(term), do: :pid
  defp kind(term) when is_port(term), do: :port
  defp kind(term) when is_reference(term), do: :reference
  defp kind(term) when is_function(term), do: :function

  @spec stop(atom(), term(), list()) :: no_return()
  defp stop(reason, term, path), do: stop(reason, term, path, nil)

  @spec stop(atom(), term(), list(), non_neg_integer() | nil) :: no_return()
  defp stop(reason, term, path, position) do
    error = %Error{reason: reason, term: term, path: Enum.reverse(path), position: position}
    throw({__MODULE__, error})
  end
end
