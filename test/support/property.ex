defmodule Guildhall.Property do
  @moduledoc false

  # PropEr, worn as ExUnitProperties:
  #
  #     property "reversing twice changes nothing" do
  #       forall list <- list(integer()) do
  #         assert Enum.reverse(Enum.reverse(list)) == list
  #       end
  #     end
  #
  # The generators are `:proper_types`, and tuples and lists of generators are generators.
  # `GUILDHALL_PROPERTY_RUNS` says how many inputs are tried (100); `forall x <- list(), share: 20 do` tries
  # 20 of 100, for a property that takes long.

  @generators [
    range: 2,
    integer: 0,
    integer: 2,
    non_neg_integer: 0,
    pos_integer: 0,
    float: 0,
    boolean: 0,
    atom: 0,
    binary: 0,
    binary: 1,
    bitstring: 0,
    list: 0,
    list: 1,
    vector: 2,
    loose_tuple: 1,
    oneof: 1,
    frequency: 1,
    weighted_union: 1,
    exactly: 1,
    any: 0,
    term: 0,
    resize: 2
  ]

  defmacro __using__(_options) do
    quote do
      import :proper_types, only: unquote(@generators)
      import Guildhall.Property
    end
  end

  defmacro property(name, context \\ quote(do: _), do: body) do
    context = Macro.escape(context)
    body = Macro.escape(body, unquote: true)

    quote bind_quoted: [name: name, context: context, body: body] do
      %{module: module, file: file, line: line} = __ENV__
      test = ExUnit.Case.register_test(module, file, line, :property, name, [:property])
      def unquote(test)(unquote(context)), do: unquote(body)
    end
  end

  defmacro forall({:<-, _meta, [pattern, generator]}, do: body) do
    quote do
      Guildhall.Property.check(unquote(generator), fn unquote(pattern) -> unquote(body) end)
    end
  end

  defmacro forall({:<-, _meta, [pattern, generator]}, [share: share], do: body) do
    quote do
      Guildhall.Property.check(
        unquote(generator),
        fn unquote(pattern) -> unquote(body) end,
        unquote(share)
      )
    end
  end

  @doc "A generator of what `fun` makes of the values of `generator`."
  def map(generator, fun), do: :proper_types.bind(generator, fun, false)

  @doc "A generator of the values for which `fun` is true."
  def such_that(generator, fun), do: :proper_types.add_constraint(generator, fun, true)

  @doc "A generator that `fun` makes of PropEr's current size, for recursive values."
  def sized(fun), do: :proper_types.sized(fun)

  @doc "Puts off a recursive generator until it is needed."
  defmacro lazy(generator) do
    quote do: :proper_types.lazy(fn -> unquote(generator) end)
  end

  @doc false
  # PropEr of Debian cannot report a property that raises, so the exception is kept here, PropEr
  # sees a `false` to shrink, and the exception of the smallest input is raised again.
  def check(generator, fun, share \\ 100) do
    property = :proper.forall(generator, &holds?(&1, fun))
    runs = max(div(runs() * share, 100), 1)

    case :proper.quickcheck(property, [:quiet, {:numtests, runs}]) do
      true -> :ok
      false -> __MODULE__ |> Process.delete() |> report()
      {:error, reason} -> ExUnit.Assertions.flunk("no property was tested: #{inspect(reason)}")
    end
  end

  defp holds?(input, fun) do
    fun.(input)
    true
  catch
    kind, reason ->
      Process.put(__MODULE__, {input, kind, reason, __STACKTRACE__})
      false
  end

  defp report({input, kind, reason, stacktrace}) do
    input =
      "the smallest counterexample is\n\n    #{inspect(input, pretty: true, limit: 500)}\n\n"

    case Exception.normalize(kind, reason, stacktrace) do
      %ExUnit.AssertionError{} = error ->
        reraise %{error | message: input <> error.message}, stacktrace

      _other ->
        message = input <> Exception.format_banner(kind, reason, stacktrace)
        reraise ExUnit.AssertionError, [message: message], stacktrace
    end
  end

  defp runs, do: String.to_integer(System.get_env("GUILDHALL_PROPERTY_RUNS", "100"))
end
