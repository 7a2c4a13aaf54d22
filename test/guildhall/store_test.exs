defmodule Guildhall.StoreTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Events, Store}

  @moduletag :tmp_dir

  setup %{test: instance, tmp_dir: path} do
    Events.listen()
    %{store: instance, path: Path.join(path, "data")}
  end

  defp start(context, options \\ []) do
    start_supervised!({Store, [instance: context.store, path: context.path] ++ options})
  end

  defp start_error(options) do
    Process.flag(:trap_exit, true)
    assert {:error, reason} = Store.start_link(options)
    reason
  end

  describe "the folder" do
    test "is made for its owner alone", context do
      start(context)
      assert File.stat!(context.path).mode |> rem(0o1000) == 0o700
      assert File.stat!(Path.join(context.path, "rows.redb")).mode |> rem(0o1000) == 0o600
    end

    test "is one node's at a time, and free when that one stops", context do
      start(context)
      assert start_error(instance: :"#{context.store} again", path: context.path) == :in_use
      stop_supervised!({Store, context.store})
      start(context)
    end

    test "keeps what was written", context do
      start(context)
      :ok = Store.write(context.store, [{:put, :users, "p", "k", "v"}])
      stop_supervised!({Store, context.store})
      start(context)
      assert Store.get(context.store, :users, "p", "k") == {:ok, "v"}
    end

    test "that cannot be used is refused with a reason", context do
      path = context.path
      File.write!(path, "a file")
      assert start_error(instance: context.store, path: path) == :not_a_folder
      File.rm!(path)
      File.mkdir_p!(path)
      File.write!(Path.join(path, "rows.redb"), "no database")
      assert start_error(instance: context.store, path: path) == :corrupted
    end

    test "of a process that was killed is taken over by the next", context do
      store = start(context)
      opened(context)
      :ok = Store.write(context.store, [{:put, :users, "p", "k", "v"}])
      Process.exit(store, :kill)
      opened(context)
      assert Store.get(context.store, :users, "p", "k") == {:ok, "v"}
      assert Store.write(context.store, [{:delete, :users, "p", "k"}]) == :ok
    end
  end

  describe "writes" do
    test "are refused while the disk has less room than the reserve; reads go on", context do
      instance = context.store
      start(context)
      :ok = Store.write(instance, [{:put, :users, "p", "k", "v"}])
      stop_supervised!({Store, instance})
      start(context, reserve_bytes: 1_000_000_000_000_000)

      assert Store.write(instance, [{:put, :users, "p", "k", "w"}]) == {:error, :storage_full}
      assert Store.get(instance, :users, "p", "k") == {:ok, "v"}

      assert_receive {:event, [:guildhall, :store, :refusal], %{count: 1},
                      %{instance: ^instance, reason: :storage_full}}
    end

    test "are refused when too many bytes wait; those accepted are answered", context do
      instance = context.store
      start(context, pending_bytes: 10_000)
      accepted = overload(instance, 0)
      assert accepted > 0

      assert_receive {:event, [:guildhall, :store, :refusal], %{count: 1},
                      %{instance: ^instance, reason: :overloaded}}

      for n <- 1..accepted, do: assert_receive({Store, ^n, :ok})
      assert {:ok, rows} = Store.scan(instance, :users, "p")
      assert length(rows) == accepted
      assert Store.write(instance, [{:put, :users, "p", "k", "v"}]) == :ok
    end

    test "are told of with each commit", context do
      instance = context.store
      start(context)
      :ok = Store.write(instance, [{:put, :users, "p", "k", "v"}, {:delete, :users, "p", "l"}])

      assert_receive {:event, [:guildhall, :store, :commit], measurements, %{instance: ^instance}}
      assert %{batches: 1, ops: 2, bytes: bytes, duration: duration} = measurements
      assert bytes > 0 and duration > 0
      assert %{commits: 1, batches: 1, pending: 0, disk_bytes: disk} = Store.stats(instance)
      assert disk > 0
    end

    test "and reads without a store are unavailable", %{store: instance} do
      assert Store.write(instance, []) == {:error, :unavailable}
      assert Store.write_async(instance, [], :tag) == {:error, :unavailable}
      assert Store.get(instance, :users, "p", "k") == {:error, :unavailable}
      assert Store.scan(instance, :users, "p") == {:error, :unavailable}
    end

    test "that wait for a store that dies are unavailable", %{store: instance} do
      # A store that accepts and never answers.
      {:ok, silent} = Agent.start(fn -> :ok end, name: Guildhall.Instance.child(instance, :store))
      Guildhall.Instance.put(instance, :store, %{engine: __MODULE__.Silent, handle: silent})
      assert Store.write(instance, []) == {:error, :unavailable}
    end

    defmodule Silent do
      def submit(store, _ops, _pid, _tag) do
        Process.exit(store, :kill)
        :ok
      end
    end
  end

  describe "a lease" do
    test "has an epoch that grows with every taking", %{store: instance} = context do
      start(context)
      assert Store.acquire(instance, "room") == {:ok, 1}
      assert Store.acquire(instance, "room") == {:ok, 2}
      assert Store.acquire(instance, "other") == {:ok, 1}
      assert Store.release(instance, "room", 1) == {:error, :conflict}
      assert Store.release(instance, "room", 2) == :ok
      assert Store.release(instance, "room", 2) == :ok
      assert Store.release(instance, "none", 1) == {:error, :conflict}
      assert Store.acquire(instance, "room") == {:ok, 3}
    end

    test "is one's alone, however many take it at once", %{store: instance} = context do
      start(context)
      tasks = for _n <- 1..50, do: Task.async(fn -> Store.acquire(instance, "room") end)
      epochs = for {:ok, epoch} <- Task.await_many(tasks), do: epoch
      assert Enum.sort(epochs) == Enum.to_list(1..50)
    end
  end

  describe "a secret" do
    test "is made once, for its owner alone", %{store: instance} = context do
      start(context)
      tasks = for _n <- 1..20, do: Task.async(fn -> Store.secret(instance, "token") end)
      assert [<<secret::binary-32>>] = tasks |> Task.await_many() |> Enum.uniq()
      assert Store.secret(instance, "operator") != secret
      path = Path.join(context.path, "token.key")
      assert File.stat!(path).mode |> rem(0o1000) == 0o600

      assert File.ls!(context.path) |> Enum.filter(&(&1 =~ "key")) |> Enum.sort() ==
               ["operator.key", "token.key"]

      stop_supervised!({Store, instance})
      start(context)
      assert Store.secret(instance, "token") == secret
    end

    test "has a plain name, and 32 bytes", %{store: instance} = context do
      start(context)

      for name <- ["", "../x", "A", "a b", "a\n"] do
        assert_raise ArgumentError, fn -> Store.secret(instance, name) end
      end

      File.write!(Path.join(context.path, "short.key"), "short")
      assert_raise ArgumentError, ~r/32 bytes/, fn -> Store.secret(instance, "short") end
    end
  end

  test "options are checked", %{store: instance, path: path} do
    for options <- [[], [path: path, worker: 1_024], [path: path, engine: :paper]] do
      assert_raise Guildhall.Options.ValidationError, fn ->
        Store.start_link([instance: instance] ++ options)
      end
    end
  end

  defp overload(instance, accepted) do
    case Store.write_async(instance, [{:put, :users, "p", <<accepted::32>>, "v"}], accepted + 1) do
      :ok -> overload(instance, accepted + 1)
      {:error, :overloaded} -> accepted
    end
  end

  defp opened(%{store: instance}) do
    assert_receive {:event, [:guildhall, :store, :open], _, %{instance: ^instance}}
  end
end
