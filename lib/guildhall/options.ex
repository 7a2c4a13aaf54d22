defmodule Guildhall.Options do
  @moduledoc """
  Options with a schema, in the shape of NimbleOptions.

      iex> schema = [
      ...>   limit: [type: :pos_integer, required: true, doc: "How many at most."],
      ...>   idle: [type: :timeout, default: 60_000, doc: "Stop after this long."]
      ...> ]
      iex> Guildhall.Options.validate([limit: 3], schema)
      {:ok, [idle: 60_000, limit: 3]}
      iex> {:error, error} = Guildhall.Options.validate([limit: 0], schema)
      iex> Exception.message(error)
      "expected :limit to be a positive integer, got: 0"

  Each option may say:

    * `:type` - `:any` (the default), `:atom`, `:boolean`, `:string`, `:integer`, `:pos_integer`,
      `:non_neg_integer`, `:float`, `:timeout`, `:map`, `:pid`, `:mfa`, `:ip`, `{:fun, arity}`,
      `{:in, choices}`, `{:list, type}`, `{:or, types}`, or `:keyword_list`, whose own schema
      is in `:keys`
    * `:required` - whether it must be given
    * `:default` - what it is when it is not given; checked like a given one
    * `:doc` - one sentence, shown by `docs/1`
  """

  alias Guildhall.Options.ValidationError

  @type schema :: [{atom(), keyword()}]

  @doc "Checks `options` and fills in the defaults. The result is in the order of its keys."
  @spec validate(term(), schema()) :: {:ok, keyword()} | {:error, ValidationError.t()}
  def validate(options, schema) do
    {:ok, keyword!(options, schema, [])}
  catch
    {:invalid, path, value, message} ->
      {:error, %ValidationError{message: message, path: path, value: value}}
  end

  @doc "Checks `options` and fills in the defaults, or raises."
  @spec validate!(term(), schema()) :: keyword()
  def validate!(options, schema) do
    case validate(options, schema) do
      {:ok, options} -> options
      {:error, error} -> raise error
    end
  end

  @doc "Renders the schema as a Markdown list."
  @spec docs(schema()) :: String.t()
  def docs(schema), do: docs(schema, "  ")

  defp docs(schema, indent) do
    Enum.map_join(schema, "\n", fn {name, spec} ->
      required = if spec[:required], do: ["Required."], else: []

      default =
        if Keyword.has_key?(spec, :default), do: ["Default: `#{inspect(spec[:default])}`."]

      text = Enum.join(required ++ List.wrap(spec[:doc]) ++ List.wrap(default), " ")
      line = "#{indent}* `#{inspect(name)}` (#{describe(spec[:type])}) - #{text}"
      if spec[:keys], do: line <> "\n\n" <> docs(spec[:keys], indent <> "  "), else: line
    end)
  end

  defp keyword!(options, schema, path) do
    unless Keyword.keyword?(options), do: wrong!(path, options, describe(:keyword_list))
    known = Keyword.keys(schema)

    case Enum.uniq(Keyword.keys(options) -- known) -- known do
      [] -> Enum.sort(Enum.flat_map(schema, &option!(&1, options, path)))
      unknown -> unknown!(path, unknown, known)
    end
  end

  defp option!({name, spec}, options, path) do
    path = path ++ [name]

    case {Keyword.fetch(options, name), Keyword.fetch(spec, :default)} do
      {{:ok, value}, _default} -> [{name, value!(value, spec, path)}]
      {:error, {:ok, default}} -> [{name, value!(default, spec, path)}]
      {:error, :error} -> if spec[:required], do: missing!(path), else: []
    end
  end

  defp value!(value, spec, path) do
    type = Keyword.get(spec, :type, :any)

    cond do
      type == :keyword_list -> keyword!(value, Keyword.get(spec, :keys, []), path)
      valid?(type, value) -> value
      true -> wrong!(path, value, describe(type))
    end
  end

  defp valid?(:any, _value), do: true
  defp valid?(:atom, value), do: is_atom(value)
  defp valid?(:boolean, value), do: is_boolean(value)
  defp valid?(:string, value), do: is_binary(value) and String.valid?(value)
  defp valid?(:integer, value), do: is_integer(value)
  defp valid?(:pos_integer, value), do: is_integer(value) and value > 0
  defp valid?(:non_neg_integer, value), do: is_integer(value) and value >= 0
  defp valid?(:float, value), do: is_float(value)
  defp valid?(:timeout, value), do: value == :infinity or valid?(:non_neg_integer, value)
  defp valid?(:map, value), do: is_map(value)
  defp valid?(:pid, value), do: is_pid(value)
  defp valid?(:mfa, {m, f, a}), do: is_atom(m) and is_atom(f) and is_list(a)
  defp valid?(:mfa, _value), do: false
  defp valid?(:ip, value), do: is_tuple(value) and :inet.is_ip_address(value)
  defp valid?(:keyword_list, value), do: Keyword.keyword?(value)
  defp valid?({:fun, arity}, value), do: is_function(value, arity)
  defp valid?({:in, choices}, value), do: value in choices
  defp valid?({:list, type}, value), do: is_list(value) and Enum.all?(value, &valid?(type, &1))
  defp valid?({:or, types}, value), do: Enum.any?(types, &valid?(&1, value))

  @descriptions [
    any: "anything",
    atom: "an atom",
    boolean: "a boolean",
    string: "a string",
    integer: "an integer",
    pos_integer: "a positive integer",
    non_neg_integer: "a non-negative integer",
    float: "a float",
    timeout: "milliseconds or :infinity",
    map: "a map",
    pid: "a pid",
    mfa: "a {module, function, arguments} tuple",
    ip: "an IP address tuple",
    keyword_list: "a keyword list"
  ]

  defp describe(nil), do: describe(:any)
  defp describe({:fun, arity}), do: "a function of arity #{arity}"
  defp describe({:in, choices}), do: "one of #{inspect(choices)}"
  defp describe({:list, type}), do: "a list, each #{describe(type)}"
  defp describe({:or, types}), do: Enum.map_join(types, " or ", &describe/1)
  defp describe(type), do: Keyword.fetch!(@descriptions, type)

  @spec wrong!([atom()], term(), String.t()) :: no_return()
  defp wrong!([], value, expected) do
    invalid!([], value, "expected #{expected}, got: #{inspect(value)}")
  end

  defp wrong!(path, value, expected) do
    invalid!(path, value, "expected #{name(path)} to be #{expected}, got: #{inspect(value)}")
  end

  @spec missing!([atom()]) :: no_return()
  defp missing!(path), do: invalid!(path, nil, "the option #{name(path)} is required")

  @spec unknown!([atom()], [atom()], [atom()]) :: no_return()
  defp unknown!(path, unknown, known) do
    place = if path == [], do: "", else: " in #{name(path)}"
    options = "unknown options #{inspect(unknown)}#{place}, the options are #{inspect(known)}"
    invalid!(path, unknown, options)
  end

  @spec invalid!([atom()], term(), String.t()) :: no_return()
  defp invalid!(path, value, message), do: throw({:invalid, path, value, message})

  # `:store`, or `:data_dir of :store` in a nested list.
  defp name(path), do: path |> Enum.reverse() |> Enum.map_join(" of ", &inspect/1)
end
