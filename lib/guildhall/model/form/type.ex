defmodule Guildhall.Model.Form.Type do
  @moduledoc false

  # How a value of each type is read, and what Discord says if it is none.

  import Bitwise

  alias Guildhall.Model.{Snowflake, Text}

  @max_permissions (1 <<< 64) - 1
  # What is longer is none, and would take long to read.
  @max_digits 20
  @max_timestamp 40

  @spec cast(term(), term(), keyword()) :: {:ok, term()} | {:error, map()}
  def cast(type, value, options)

  def cast(:any, value, _options), do: {:ok, value}

  def cast(:boolean, value, _options) when is_boolean(value), do: {:ok, value}
  def cast(:boolean, value, _options) when value in ["true", "True", "1"], do: {:ok, true}
  def cast(:boolean, value, _options) when value in ["false", "False", "0"], do: {:ok, false}

  def cast(:boolean, _value, _options),
    do: no("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")

  def cast(:string, value, options) when is_binary(value) do
    case options[:length] do
      # There are no more code points than bytes.
      0..max//_ when byte_size(value) <= max -> {:ok, value}
      length -> measure(value, length, &code_points/1)
    end
  end

  def cast(:string, value, _options) do
    no("STRING_TYPE_CONVERT", "Could not interpret #{show(value)} as string.")
  end

  def cast(:name, value, options) when is_binary(value) do
    cast(:string, Text.name(value), options)
  end

  def cast(:name, value, options), do: cast(:string, value, options)

  def cast(:integer, value, options) when is_integer(value), do: within(value, options[:range])

  def cast(:integer, value, options) do
    with true <- is_binary(value) and byte_size(value) <= @max_digits,
         {integer, ""} <- Integer.parse(value) do
      within(integer, options[:range])
    else
      _none -> no("NUMBER_TYPE_COERCE", "Value #{show(value)} is not int.")
    end
  end

  def cast(:snowflake, value, _options) do
    with :error <- Snowflake.parse(value) do
      no("NUMBER_TYPE_COERCE", "Value #{show(value)} is not snowflake.")
    end
  end

  def cast(:permissions, value, options) do
    cast(:integer, value, range: Keyword.get(options, :range, 0..@max_permissions))
  end

  def cast(:timestamp, value, _options) do
    with true <- is_binary(value) and byte_size(value) <= @max_timestamp,
         {:ok, time, _offset} <- DateTime.from_iso8601(value) do
      {:ok, DateTime.to_unix(time, :millisecond)}
    else
      _none -> no("DATE_TIME_TYPE_PARSE", "Could not parse #{show(value)}. Should be ISO8601.")
    end
  end

  def cast({:in, values}, value, _options) when is_map(values) do
    with :error <- Map.fetch(values, value), do: choices(Map.keys(values))
  end

  def cast({:in, values}, value, _options) do
    if value in values, do: {:ok, value}, else: choices(values)
  end

  def cast({:list, type, inner}, value, options) when is_list(value) do
    with {:ok, value} <- measure(value, options[:length], &length/1), do: list(value, type, inner)
  end

  def cast({:list, _type, _inner}, _value, _options) do
    no("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
  end

  def cast({:list, type}, value, options), do: cast({:list, type, []}, value, options)

  def cast({:form, schema}, value, _options) when is_map(value), do: form(value, schema)

  def cast({:form, _schema}, _value, _options) do
    no("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
  end

  def cast(fun, value, _options) when is_function(fun, 1) do
    case fun.(value) do
      {:ok, value} -> {:ok, value}
      {:error, code, message} -> no(code, message)
      {:error, tree} -> {:error, tree}
    end
  end

  defp form(value, schema) do
    {changes, errors} =
      Enum.reduce(schema, {%{}, %{}}, fn {name, options}, {changes, errors} ->
        key = options[:key] || Atom.to_string(name)

        case field(value, key, options) do
          :absent -> {changes, errors}
          {:ok, value} -> {Map.put(changes, name, value), errors}
          {:error, tree} -> {changes, Map.put(errors, key, tree)}
        end
      end)

    if errors == %{}, do: {:ok, changes}, else: {:error, errors}
  end

  # Of what a form may have, most is not there.
  defp field(form, key, options) do
    case form do
      %{^key => nil} -> if options[:nullable], do: {:ok, nil}, else: absent(options)
      %{^key => value} -> cast(options[:type], value, options)
      %{} -> absent(options)
    end
  end

  defp absent(options) do
    if options[:required],
      do: no("BASE_TYPE_REQUIRED", "This field is required"),
      else: :absent
  end

  defp list(values, type, options) do
    {values, errors} =
      values
      |> Enum.with_index()
      |> Enum.reduce({[], %{}}, fn {value, index}, {values, errors} ->
        case cast(type, value, options) do
          {:ok, value} -> {[value | values], errors}
          {:error, tree} -> {values, Map.put(errors, Integer.to_string(index), tree)}
        end
      end)

    if errors == %{}, do: {:ok, Enum.reverse(values)}, else: {:error, errors}
  end

  defp measure(value, nil, _size), do: {:ok, value}

  defp measure(value, min..max//_, size) do
    cond do
      size.(value) in min..max -> {:ok, value}
      min == 0 -> no("BASE_TYPE_MAX_LENGTH", "Must be #{max} or fewer in length.")
      true -> no("BASE_TYPE_BAD_LENGTH", "Must be between #{min} and #{max} in length.")
    end
  end

  # Every byte that does not continue a code point begins one.
  defp code_points(text),
    do: for(<<byte <- text>>, (byte &&& 0xC0) != 0x80, reduce: 0, do: (n -> n + 1))

  defp within(value, nil), do: {:ok, value}
  defp within(value, min..max//_) when value in min..max//1, do: {:ok, value}

  defp within(value, _min..max//_) when value > max do
    no("NUMBER_TYPE_MAX", "int value should be less than or equal to #{max}.")
  end

  defp within(_value, min.._max//_) do
    no("NUMBER_TYPE_MIN", "int value should be greater than or equal to #{min}.")
  end

  defp choices(values) do
    no("BASE_TYPE_CHOICES", "Value must be one of {#{Enum.map_join(values, ", ", &show/1)}}.")
  end

  defp no(code, message), do: {:error, %{_errors: [%{code: code, message: message}]}}

  # A stranger's value, cut to what an error message bears.
  defp show(value), do: inspect(value, printable_limit: 64, limit: 5)
end
