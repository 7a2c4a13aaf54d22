defmodule Guildhall.Model.Form do
  @moduledoc """
  What clients send, checked against a schema and turned into changes.

      iex> alias Guildhall.Model.Form
      iex> schema = [
      ...>   name: [type: :string, length: 1..100, required: true],
      ...>   topic: [type: :string, length: 0..1024, nullable: true],
      ...>   parent: [type: :snowflake, key: "parent_id"]
      ...> ]
      iex> Form.cast(%{"name" => "general", "topic" => nil, "parent_id" => "7", "junk" => 1}, schema)
      {:ok, %{name: "general", topic: nil, parent: 7}}
      iex> {:error, {:invalid, tree}} = Form.cast(%{"name" => ""}, schema)
      iex> tree
      %{"name" => %{_errors: [%{code: "BASE_TYPE_BAD_LENGTH", message: "Must be between 1 and 100 in length."}]}}

  Keys that the schema does not know are ignored, since clients send more than anyone documented.
  What was not sent is not in the changes; `null` is as good as not sent, unless the field is
  `nullable`. Errors of all fields are collected, in the shape in which Discord sends them.

  A field may say:

    * `:type` - see below
    * `:key` - its name on the wire, if that is not the field's
    * `:required` - whether it must be there
    * `:nullable` - whether `null` means something
    * `:length` - of strings (in code points) and lists, a range
    * `:range` - of integers

  and its type is one of

    * `:any`, `:boolean`, `:string`, `:integer` (digits in a string are one too, as in a query)
    * `:name` - a string, written as `Guildhall.Model.Text.name/1` does
    * `:snowflake`, `:permissions` - an integer or a string of digits
    * `:timestamp` - ISO 8601, as unix milliseconds
    * `{:in, values}` - one of a list, or the value that a map has for it
    * `{:list, type}` or `{:list, type, options}`
    * `{:form, schema}` - an object
    * a function of the value, which answers `{:ok, value}`, `{:error, code, message}` or, about
      what is inside the value, `{:error, tree}`
  """

  alias Guildhall.Model.Form.Type

  @type schema :: [{atom(), keyword()}]
  @typedoc "Errors by field, of a list by index; a node's own are in `_errors`."
  @type tree :: %{
          optional(atom() | String.t()) => tree() | [%{code: String.t(), message: String.t()}]
        }

  @doc "Checks an object against a schema."
  @spec cast(term(), schema()) :: {:ok, %{atom() => term()}} | {:error, {:invalid, tree()}}
  def cast(form, schema) do
    case Type.cast({:form, schema}, form, []) do
      {:ok, changes} -> {:ok, changes}
      {:error, tree} -> {:error, {:invalid, tree}}
    end
  end

  @doc "Checks one value as the type of a field, with the field's options."
  @spec cast_value(term(), type :: term(), keyword()) ::
          {:ok, term()} | {:error, {:invalid, tree()}}
  def cast_value(value, type, options \\ []) do
    case Type.cast(type, value, options) do
      {:ok, value} -> {:ok, value}
      {:error, tree} -> {:error, {:invalid, tree}}
    end
  end

  @doc "An error of the whole form."
  @spec error(code :: String.t(), message :: String.t()) :: {:invalid, tree()}
  def error(code, message), do: {:invalid, %{_errors: [%{code: code, message: message}]}}

  @doc "An error of a field, or of one in an object or list: its path is a list."
  @spec error(path :: String.t() | [String.t()], String.t(), String.t()) :: {:invalid, tree()}
  def error(path, code, message) do
    {:invalid, tree} = error(code, message)
    {:invalid, path |> List.wrap() |> Enum.reverse() |> Enum.reduce(tree, &%{&1 => &2})}
  end
end
