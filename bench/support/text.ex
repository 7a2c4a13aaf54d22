defmodule Bench.Text do
  @moduledoc false

  # Times and numbers as a reader wants them, and the size that an input's name speaks of.

  @units [{1_000_000, "s"}, {1_000, "ms"}, {1, "us"}, {0.001, "ns"}]
  @factors %{"k" => 1.0e3, "m" => 1.0e6, "g" => 1.0e9}

  @doc "A time in microseconds, to three digits."
  @spec time(number()) :: String.t()
  def time(us) do
    {factor, unit} = Enum.find(@units, List.last(@units), fn {factor, _unit} -> us >= factor end)
    "#{number(us / factor)} #{unit}"
  end

  @doc "How many times as fast."
  @spec ratio(float()) :: String.t()
  def ratio(ratio) when ratio < 10, do: :erlang.float_to_binary(ratio, decimals: 2) <> "x"
  def ratio(ratio), do: number(ratio) <> "x"

  @doc """
  A number to three digits, in groups of three.
  """
  @spec number(number()) :: String.t()
  def number(number) when is_float(number) and abs(number) < 100 and number != 0 do
    digits = if abs(number) < 10, do: 2, else: 1
    digits = if abs(number) < 0.1, do: 4, else: digits
    text = :erlang.float_to_binary(number, decimals: digits)
    text |> String.trim_trailing("0") |> String.trim_trailing(".")
  end

  def number(number) do
    number
    |> round()
    |> Integer.to_string()
    |> String.replace(~r/\B(?=(\d{3})+$)/, ",")
  end

  @doc """
  The first number in a name, with its k, M or G: 4,500,000 in "large guild, 4.5 MB".
  """
  @spec size(String.t()) :: float() | nil
  def size(name) do
    with [_all, digits, unit] <- Regex.run(~r/(\d[\d,]*(?:\.\d+)?) ?([kKMG]?)(?![a-z])/, name) do
      {number, _rest} = digits |> String.replace(",", "") |> Float.parse()
      number * Map.get(@factors, String.downcase(unit), 1)
    end
  end

  @doc """
  The part of a name that says its size: "4.5 MB" of "large guild, 4.5 MB".
  """
  @spec sized(String.t()) :: String.t()
  def sized(name), do: ~r/\d[\d,.]* ?\w*/ |> Regex.run(name) |> hd()
end
