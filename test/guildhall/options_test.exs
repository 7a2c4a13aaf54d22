defmodule Guildhall.OptionsTest do
  use ExUnit.Case, async: true

  alias Guildhall.Options
  alias Guildhall.Options.ValidationError

  doctest Options

  test "accepts and refuses by type" do
    for {type, good, bad} <- [
          {:atom, [:a, nil], ["a", 1]},
          {:boolean, [true, false], [nil, 1]},
          {:string, ["", "ä"], [:a, ~c"a", <<255>>]},
          {:integer, [-1, 0], [1.0, "1"]},
          {:pos_integer, [1], [0, -1, 1.0]},
          {:non_neg_integer, [0, 1], [-1, "0"]},
          {:float, [1.5], [1]},
          {:timeout, [0, :infinity], [-1, nil]},
          {:map, [%{}], [[]]},
          {:pid, [self()], [:pid]},
          {:mfa, [{String, :length, ["a"]}], [{String, :length, 1}, {String, :length}, :a]},
          {:ip, [{127, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 1}],
           [{1, 2, 3}, {300, 0, 0, 1}, "::1", :a]},
          {:keyword_list, [[], [a: 1]], [%{}, [1]]},
          {{:fun, 1}, [&is_atom/1], [&is_map_key/2, :a]},
          {{:in, [:a, "b"]}, [:a, "b"], [:b]},
          {{:list, :atom}, [[], [:a]], [[1], :a]},
          {{:or, [:pos_integer, {:in, [:max]}]}, [1, :max], [0, :min]},
          {:any, [nil, self()], []}
        ] do
      schema =
        if type == :keyword_list, do: [o: [type: type, keys: [a: []]]], else: [o: [type: type]]

      for value <- good, do: assert(Options.validate([o: value], schema) == {:ok, [o: value]})

      for value <- bad do
        assert {:error, %ValidationError{path: [:o], value: ^value}} =
                 Options.validate([o: value], schema)
      end
    end
  end

  test "names the option at fault" do
    schema = [
      limit: [type: :pos_integer],
      store: [type: :keyword_list, keys: [dir: [required: true]]]
    ]

    for {options, message} <- [
          {[limit: 0], "expected :limit to be a positive integer, got: 0"},
          {[size: 1], "unknown options [:size], the options are [:limit, :store]"},
          {[store: []], "the option :dir of :store is required"},
          {[store: [a: 1]], "unknown options [:a] in :store, the options are [:dir]"},
          {[store: 1], "expected :store to be a keyword list, got: 1"},
          {:none, "expected a keyword list, got: :none"}
        ] do
      assert_raise ValidationError, message, fn -> Options.validate!(options, schema) end
    end
  end

  test "fills defaults in, nested ones too, and the first of two values counts" do
    nested = [type: :keyword_list, default: [], keys: [b: [default: 2], c: []]]
    assert Options.validate!([], a: nested, d: []) == [a: [b: 2]]
    assert Options.validate!([d: 1, d: 2], d: []) == [d: 1]
    assert {:error, _error} = Options.validate([], a: [type: :atom, default: 1])
  end

  test "renders a list" do
    schema = [
      id: [type: :pos_integer, required: true, doc: "The id."],
      store: [type: :keyword_list, doc: "Where.", keys: [dir: [type: :string, default: "data"]]]
    ]

    assert Options.docs(schema) <> "\n" == """
             * `:id` (a positive integer) - Required. The id.
             * `:store` (a keyword list) - Where.

               * `:dir` (a string) - Default: `"data"`.
           """
  end
end
