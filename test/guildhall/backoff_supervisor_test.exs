defmodule Guildhall.BackoffSupervisorTest do
  use ExUnit.Case, async: true

  alias Guildhall.{BackoffSupervisor, Events}

  setup context do
    Events.listen()

    %{
      instance: context.test,
      name: Module.concat(context.module, "S#{System.unique_integer([:positive])}")
    }
  end

  defp child(id, options) do
    start = fn -> send(options[:test], {:started, id, self()}) && nil end
    options = Keyword.delete(options, :test)
    Map.merge(%{id: id, start: {Agent, :start_link, [start]}}, Map.new(options))
  end

  defp start(context, children) do
    arguments = [children, [name: context.name, instance: context.instance]]
    start_supervised!(%{id: :supervisor, start: {BackoffSupervisor, :start_link, arguments}})
  end

  defp kill(pid) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^pid, _reason}
  end

  test "restarts a child alone: at once, and later if it crashes again", context do
    supervisor = start(context, [child(:one, test: self()), child(:two, test: self())])
    assert_receive {:started, :one, one}
    assert_receive {:started, :two, two}
    instance = context.instance

    delays =
      Enum.map_reduce(1..4, one, fn _crash, one ->
        kill(one)

        assert_receive {:event, [:guildhall, :supervisor, :restart], %{delay: delay},
                        %{instance: ^instance, part: :one, reason: :killed}}

        assert_receive {:started, :one, next}, 2_000
        {delay, next}
      end)
      |> elem(0)

    assert delays == [0, 50, 100, 200]
    assert Process.alive?(two)

    assert [{:two, ^two, :worker, [Agent]}, {:one, _pid, :worker, [Agent]}] =
             Supervisor.which_children(supervisor)

    assert Supervisor.count_children(supervisor) == %{
             specs: 2,
             active: 2,
             supervisors: 0,
             workers: 2
           }
  end

  test "tries again to start a child that cannot be restarted", context do
    test = self()
    counter = :counters.new(1, [])

    start = fn ->
      :counters.add(counter, 1, 1)
      if :counters.get(counter, 1) in [2, 3], do: exit(:not_yet)
      send(test, {:started, :counters.get(counter, 1), self()})
      nil
    end

    start(context, [%{id: :one, start: {Agent, :start_link, [start]}}])
    assert_receive {:started, 1, pid}
    kill(pid)
    assert_receive {:started, 4, _pid}, 2_000
  end

  test "answers why a child does not start, and leaves none behind", context do
    test = self()
    failing = %{id: :bad, start: {Agent, :start_link, [fn -> exit(:no_reason) end]}}
    children = [child(:good, test: test), failing]
    Process.flag(:trap_exit, true)

    assert {:error, {:shutdown, {:failed_to_start_child, :bad, :no_reason}}} =
             BackoffSupervisor.start_link(children, instance: context.instance)

    assert_receive {:started, :good, good}
    refute Process.alive?(good)
  end

  test "waits for the end of a predecessor of the same name", context do
    test = self()
    child_name = Module.concat(context.name, Child)

    old =
      spawn(fn ->
        Process.register(self(), child_name)
        send(test, :ready)
        receive(do: (:end -> :ok))
      end)

    assert_receive :ready
    arguments = [fn -> nil end, [name: child_name]]

    children = [%{id: :one, start: {Agent, :start_link, arguments}}]

    starting =
      Task.async(fn -> BackoffSupervisor.start_link(children, instance: context.instance) end)

    refute Task.yield(starting, 50)
    send(old, :end)
    assert {:ok, _supervisor} = Task.await(starting)
  end

  test "stops its children in reverse order", context do
    test = self()

    children =
      for id <- [:one, :two] do
        start = fn ->
          Process.flag(:trap_exit, true)
          id
        end

        stopped = {__MODULE__.Stopping, :start_link, [test, id, start]}
        %{id: id, start: stopped}
      end

    start(context, children)
    :ok = stop_supervised!(:supervisor)
    assert_receive {:stopped, first}
    assert_receive {:stopped, second}
    assert [first, second] == [:two, :one]
  end

  defmodule Stopping do
    use GenServer

    def start_link(test, id, start), do: GenServer.start_link(__MODULE__, {test, id, start})

    @impl GenServer
    def init({test, id, start}) do
      ^id = start.()
      {:ok, {test, id}}
    end

    @impl GenServer
    def terminate(_reason, {test, id}), do: send(test, {:stopped, id})
  end
end
