defmodule Guildhall.Model.FormTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.Form

  doctest Form

  # What a value of a type becomes, or the code of the error.
  defp cast(type, value, options \\ []) do
    case Form.cast(%{"field" => value}, field: [type: type] ++ options) do
      {:ok, changes} -> {:ok, changes[:field]}
      {:error, {:invalid, %{"field" => %{_errors: [%{code: code}]}}}} -> code
      {:error, {:invalid, %{"field" => tree}}} -> tree
    end
  end

  test "strings are measured in code points" do
    assert cast(:string, "äöü", length: 1..3) == {:ok, "äöü"}
    assert cast(:string, "äöü", length: 0..2) == "BASE_TYPE_MAX_LENGTH"
    assert cast(:string, "", length: 1..2) == "BASE_TYPE_BAD_LENGTH"
    assert cast(:string, 7) == "STRING_TYPE_CONVERT"
  end

  test "integers are within their range, and may be text" do
    assert cast(:integer, 5, range: 1..5) == {:ok, 5}
    assert cast(:integer, "5", range: 1..5) == {:ok, 5}
    assert cast(:integer, 6, range: 1..5) == "NUMBER_TYPE_MAX"
    assert cast(:integer, "0", range: 1..5) == "NUMBER_TYPE_MIN"

    for value <- ["5x", "", 1.5, true, [], String.duplicate("9", 21)],
        do: assert(cast(:integer, value) == "NUMBER_TYPE_COERCE")
  end

  test "booleans may be a query's text" do
    for value <- [true, "true", "True", "1"], do: assert(cast(:boolean, value) == {:ok, true})
    for value <- [false, "false", "0"], do: assert(cast(:boolean, value) == {:ok, false})
    for value <- [1, "yes", []], do: assert(cast(:boolean, value) == "BOOLEAN_TYPE_CONVERT")
  end

  test "snowflakes and permissions come as integers and as strings" do
    assert cast(:snowflake, "175928847299117063") == {:ok, 175_928_847_299_117_063}
    assert cast(:snowflake, 175_928_847_299_117_063) == {:ok, 175_928_847_299_117_063}
    assert cast(:snowflake, "-1") == "NUMBER_TYPE_COERCE"
    assert cast(:permissions, "8") == {:ok, 8}
    assert cast(:permissions, -1) == "NUMBER_TYPE_MIN"
  end

  test "timestamps are unix milliseconds" do
    assert cast(:timestamp, "1970-01-01T00:00:01.500+00:00") == {:ok, 1_500}
    assert cast(:timestamp, "1970-01-01T01:00:00+01:00") == {:ok, 0}
    long = "1970-01-01T00:00:01." <> String.duplicate("0", 50) <> "Z"
    assert cast(:timestamp, long) == "DATE_TIME_TYPE_PARSE"
    assert cast(:timestamp, "yesterday") == "DATE_TIME_TYPE_PARSE"
    assert cast(:timestamp, 5) == "DATE_TIME_TYPE_PARSE"
  end

  test "choices may stand for other values" do
    assert cast({:in, [0, 2]}, 2) == {:ok, 2}
    assert cast({:in, [0, 2]}, 1) == "BASE_TYPE_CHOICES"
    assert cast({:in, %{0 => :role}}, 0) == {:ok, :role}
    assert cast({:in, %{0 => :role}}, 1) == "BASE_TYPE_CHOICES"
  end

  test "errors in lists and objects are named by their path" do
    assert cast({:list, :snowflake}, ["1", 2]) == {:ok, [1, 2]}
    assert cast({:list, :snowflake}, ["1"], length: 2..3) == "BASE_TYPE_BAD_LENGTH"
    assert cast({:list, :snowflake}, "1") == "LIST_TYPE_CONVERT"

    assert %{"1" => %{_errors: [%{code: "NUMBER_TYPE_COERCE"}]}} =
             cast({:list, :snowflake}, ["1", "x"])

    inner = {:form, id: [type: :snowflake, required: true]}
    assert cast({:list, inner}, [%{"id" => "1"}]) == {:ok, [%{id: 1}]}

    assert %{"0" => %{"id" => %{_errors: [%{code: "BASE_TYPE_REQUIRED"}]}}} =
             cast({:list, inner}, [%{}])

    assert cast(inner, []) == "MODEL_TYPE_CONVERT"
  end

  test "a function may read a field" do
    even = fn value ->
      if rem(value, 2) == 0, do: {:ok, value}, else: {:error, "ODD", "Must be even."}
    end

    assert cast(even, 2) == {:ok, 2}
    assert cast(even, 3) == "ODD"
  end

  test "null is nothing, unless the field is nullable" do
    assert Form.cast(%{"a" => nil}, a: [type: :string]) == {:ok, %{}}
    assert Form.cast(%{"a" => nil}, a: [type: :string, nullable: true]) == {:ok, %{a: nil}}
    assert Form.cast(%{}, a: [type: :string, nullable: true]) == {:ok, %{}}

    assert {:error, {:invalid, %{"a" => %{_errors: [%{code: "BASE_TYPE_REQUIRED"}]}}}} =
             Form.cast(%{"a" => nil}, a: [type: :string, required: true])
  end

  test "errors of all fields are collected" do
    schema = [a: [type: :string], b: [type: :integer, key: "bee"], c: [type: :boolean]]
    assert {:error, {:invalid, tree}} = Form.cast(%{"a" => 1, "bee" => "x", "c" => true}, schema)
    assert tree |> Map.keys() |> Enum.sort() == ["a", "bee"]
  end

  test "what is no object is refused" do
    assert {:error, {:invalid, %{_errors: [%{code: "MODEL_TYPE_CONVERT"}]}}} = Form.cast([], [])
  end

  property "no value makes a type raise" do
    forall value <- json() do
      for type <- [
            :boolean,
            :string,
            :integer,
            :snowflake,
            :permissions,
            :timestamp,
            {:list, :string}
          ] do
        result = Form.cast_value(value, type, length: 0..3, range: 0..3)
        assert match?({:ok, _value}, result) or match?({:error, {:invalid, %{}}}, result)
      end
    end
  end

  defp json do
    oneof([
      integer(),
      float(),
      boolean(),
      exactly(nil),
      text(),
      list(text()),
      exactly(%{}),
      exactly([[]])
    ])
  end

  defp text, do: map(list(range(32, 0x2FF)), &List.to_string/1)
end
