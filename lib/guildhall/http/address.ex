defmodule Guildhall.Http.Address do
  @moduledoc """
  Addresses of clients in one canonical form, and networks of them.

  Limits count an IPv4 address, and the /64 of an IPv6 address, since the owner of one
  address of a /64 has all of them:

      iex> alias Guildhall.Http.Address
      iex> Address.client({0x2001, 0xDB8, 1, 2, 3, 4, 5, 6})
      {0x2001, 0xDB8, 1, 2, 0, 0, 0, 0}
      iex> Address.client({0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1})
      {127, 0, 0, 1}
      iex> {:ok, network} = Address.network("10.0.0.0/8")
      iex> Address.in?({10, 1, 2, 3}, [network])
      true
  """

  import Bitwise

  @type network :: {family :: 4 | 6, first :: non_neg_integer(), bits :: 0..128}

  @doc "The address that limits are counted by."
  @spec client(:inet.ip_address()) :: :inet.ip_address()
  def client(address) do
    case canonical(address) do
      {a, b, c, d, _, _, _, _} -> {a, b, c, d, 0, 0, 0, 0}
      address -> address
    end
  end

  @doc "An IPv4 address that is written as an IPv6 address becomes the IPv4 address."
  @spec canonical(:inet.ip_address()) :: :inet.ip_address()
  def canonical({0, 0, 0, 0, 0, 0xFFFF, ab, cd}) do
    {ab >>> 8, band(ab, 0xFF), cd >>> 8, band(cd, 0xFF)}
  end

  def canonical(address), do: address

  @doc "Reads an address or a network: `10.0.0.0/8`, `127.0.0.1`, `fd00::/8`."
  @spec network(String.t()) :: {:ok, network()} | :error
  def network(text) do
    {text, bits} =
      case String.split(text, "/") do
        [address, bits] -> {address, Integer.parse(bits)}
        [address] -> {address, nil}
        _other -> {"", nil}
      end

    with {:ok, address} <- parse(text),
         {family, number} = number(address),
         width = width(family),
         bits when bits in 0..width//1 <- bits(bits, width) do
      {:ok, {family, number >>> (width - bits), bits}}
    else
      _invalid -> :error
    end
  end

  defp bits(nil, width), do: width
  defp bits({bits, ""}, _width), do: bits
  defp bits(_other, _width), do: :error

  @doc "Whether the address is in one of the networks."
  @spec in?(:inet.ip_address(), [network()]) :: boolean()
  def in?(_address, []), do: false

  def in?(address, networks) do
    {family, number} = number(canonical(address))

    Enum.any?(networks, fn {of, first, bits} ->
      of == family and number >>> (width(family) - bits) == first
    end)
  end

  @doc """
  The client behind trusted proxies: the last address of `X-Forwarded-For` that is not a proxy's, since a
  client may write whatever it wants before it. The proxy itself if the header does not say.
  """
  @spec forwarded([String.t()], :inet.ip_address(), [network()]) :: :inet.ip_address()
  def forwarded(values, proxy, networks) do
    values
    |> Enum.flat_map(&String.split(&1, ","))
    |> Enum.reverse()
    |> Enum.reduce_while(proxy, fn text, nearest ->
      case parse(text |> String.trim() |> without_port()) do
        {:ok, address} -> if in?(address, networks), do: {:cont, address}, else: {:halt, address}
        :error -> {:halt, nearest}
      end
    end)
  end

  # Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`.
  defp without_port("[" <> rest), do: rest |> String.split("]") |> hd()

  defp without_port(text) do
    case String.split(text, ":") do
      [address, _port] -> address
      _other -> text
    end
  end

  defp parse(text) when byte_size(text) in 2..45 do
    case text |> String.to_charlist() |> :inet.parse_strict_address() do
      {:ok, address} -> {:ok, canonical(address)}
      {:error, _reason} -> :error
    end
  end

  defp parse(_text), do: :error

  defp number({a, b, c, d}), do: {4, bsl(a, 24) + bsl(b, 16) + bsl(c, 8) + d}

  defp number(address) do
    {6, address |> Tuple.to_list() |> Enum.reduce(0, fn part, sum -> bsl(sum, 16) + part end)}
  end

  defp width(4), do: 32
  defp width(6), do: 128
end
