defmodule Guildhall.ArchitectureTest do
  use ExUnit.Case, async: true

  # Five promises that no compiler keeps. A module's context is its second segment; the atoms of
  # the compiled module tell whom it names, so calls, captures, structs and child specs all count.

  # Each context and the contexts it may name. A context may only name contexts
  # further down the list, so the graph cannot grow a cycle.
  @contexts [
    api: [:http, :session, :guild, :user, :push, :store, :cluster, :model, :native],
    gateway: [:http, :session, :model, :native],
    session: [:guild, :user, :relay, :cluster, :model, :native],
    guild: [:user, :relay, :push, :store, :cluster, :model, :native],
    user: [:relay, :store, :cluster, :model, :native],
    push: [:store, :cluster, :model, :native],
    relay: [:cluster, :model, :native],
    store: [:cluster, :model, :native],
    http: [:native],
    cluster: [:native],
    model: [:native],
    native: []
  ]

  # The public modules over NIFs, with what is below them.
  @facades ~w(Payload Outbox OrderedSet SortedSet MemberList HashRing Permissions Audience Fanout Reaper)
  # May be named by all and names none.
  @base ~w(Options Telemetry Instance Table Limiter Window BackoffSupervisor Partitions
          PartitionedRegistry SharedTable Background)
  # Puts the contexts together, and is named by none. `Mix.Tasks` belong here too.
  @top ~w(Application Supervisor Endpoint Pages Metrics Log Seed Banner Operator)

  @may_name [top: [:base | Keyword.keys(@contexts)], base: []] ++
              for({context, below} <- @contexts, do: {context, [:base | below]})

  # The crates that may know the BEAM.
  @nif_crates ~w(guildhall_nif guildhall_io)

  setup_all do
    root = File.cwd!()

    modules =
      for module <- Application.spec(:guildhall, :modules),
          source = Path.relative_to(to_string(module.module_info(:compile)[:source]), root),
          String.starts_with?(source, "lib/") do
        module
      end

    %{modules: modules, contexts: Map.new(modules, &{&1, context(&1)})}
  end

  test "the contexts are in the order of the graph" do
    Enum.reduce(@contexts, Keyword.keys(@contexts), fn {context, below}, [context | rest] ->
      assert below -- rest == [], "#{context} may not name #{inspect(below -- rest)}"
      rest
    end)
  end

  test "a context names only contexts below it", %{modules: modules, contexts: contexts} do
    assert_none(
      for module <- modules,
          named <- named(module, contexts),
          {from, to} = {contexts[module], contexts[named]},
          from != to and to not in @may_name[from] do
        "#{inspect(module)} (#{from}) names #{inspect(named)} (#{to})"
      end
    )
  end

  test "hidden modules are private to their context", %{modules: modules, contexts: contexts} do
    assert_none(
      for module <- modules,
          named <- named(module, contexts),
          contexts[module] != contexts[named] and hidden?(named) do
        "#{inspect(module)} names #{inspect(named)}, which is hidden"
      end
    )
  end

  test "every function of a public module is documented", %{modules: modules} do
    assert_none(
      for module <- modules, name <- undocumented(Code.fetch_docs(module)) do
        "#{inspect(module)}#{name} has no documentation"
      end
    )
  end

  test "only application.ex reads the application's environment" do
    reads = ~r/\bApplication\.(get_(all_)?env|fetch_env|compile_env)|:application\.get_(all_)?env/

    assert_none(
      for file <- Path.wildcard("lib/**/*.ex"),
          file != "lib/guildhall/application.ex",
          File.read!(file) =~ reads do
        "#{file} reads the application's environment"
      end
    )
  end

  test "only the NIF crates know rustler" do
    assert_none(
      for file <- Path.wildcard("native/*/Cargo.toml") ++ Path.wildcard("native/*/**/*.rs"),
          Enum.at(Path.split(file), 1) not in @nif_crates,
          File.read!(file) =~ ~r/\brustler/ do
        "#{file} says rustler"
      end
    )
  end

  # `Guildhall.Guild.State` -> :guild; `Inspect.Guildhall.MemberList` belongs to its second half.
  defp context(module), do: module |> Module.split() |> context_of(module)

  defp context_of(["Mix" | _rest], _module), do: :top
  defp context_of(["Guildhall"], _module), do: :top
  defp context_of(["Guildhall", name | _rest], _module) when name in @facades, do: :native
  defp context_of(["Guildhall", name | _rest], _module) when name in @base, do: :base
  defp context_of(["Guildhall", name | _rest], _module) when name in @top, do: :top

  defp context_of(["Guildhall", name | _rest], module) do
    names = Map.new(Keyword.keys(@contexts), &{to_string(&1), &1})
    names[String.downcase(name)] || flunk("#{inspect(module)} is in no context")
  end

  defp context_of([_protocol | rest], module), do: context_of(rest, module)
  defp context_of([], module), do: flunk("#{inspect(module)} is in no context")

  defp named(module, contexts) do
    {:ok, {_module, chunks}} =
      :beam_lib.chunks(:code.which(module), [:atoms, ~c"LitT"], [:allow_missing_chunks])

    atoms =
      Enum.map(chunks[:atoms], &elem(&1, 1)) ++
        atoms(literals(:proplists.get_value(~c"LitT", chunks)))

    for atom <- Enum.uniq(atoms), atom != module, is_map_key(contexts, atom), do: atom
  end

  # Constants, `{Guildhall.Store, []}` and `&Guildhall.Store.get/1` too, are in a chunk of their own:
  # packed, or from OTP 28 on plain, behind a size of 0.
  defp literals(:missing_chunk), do: []
  defp literals(<<0::32, plain::binary>>), do: terms(plain)
  defp literals(<<_size::32, packed::binary>>), do: packed |> :zlib.uncompress() |> terms()

  defp terms(<<_count::32, rest::binary>>) do
    for <<size::32, term::binary-size(size) <- rest>>, do: :erlang.binary_to_term(term)
  end

  defp atoms(term) when is_atom(term), do: [term]
  defp atoms([head | tail]), do: atoms(head) ++ atoms(tail)
  defp atoms(term) when is_tuple(term), do: term |> Tuple.to_list() |> atoms()
  defp atoms(term) when is_map(term), do: term |> :maps.to_list() |> atoms()
  defp atoms(term) when is_function(term), do: [Function.info(term)[:module]]
  defp atoms(_term), do: []

  defp hidden?(module), do: match?({_, _, _, _, :hidden, _, _}, Code.fetch_docs(module))

  defp undocumented({:docs_v1, _, _, _, :hidden, _, _docs}), do: []
  defp undocumented({:docs_v1, _, _, _, :none, _, _docs}), do: [""]

  defp undocumented({:docs_v1, _, _, _, _doc, _, docs}) do
    for {{kind, name, arity}, _, _, :none, _} <- docs, kind in [:function, :macro] do
      ".#{name}/#{arity}"
    end
  end

  defp assert_none(broken), do: assert(broken == [], Enum.join(broken, "\n"))
end
