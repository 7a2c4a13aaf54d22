defmodule Guildhall.Store.Reader do
  @moduledoc false

  # Reads small things for many processes at once.
  #
  # A read is a call on a dirty scheduler, because a page may have to come from the disk: the
  # processes change places, a thread wakes up, and all that costs several times what the read does.
  # So those who want a few rows ask a reader, which takes everybody who waits along in one call. The more there
  # are, the less each costs; one alone waits for two messages more.
  #
  #   owns      nothing
  #   started   by `Guildhall.Store.Server`, one per scheduler, linked to it
  #   a crash   is followed by another one; its callers read for themselves
  #   mailbox   a request of each process that waits for it

  @behaviour Guildhall.Fanout.Rounds

  alias Guildhall.Fanout.Rounds
  alias Guildhall.Store.Engine

  # What is read in one call: a disk that is slow is waited for once in so many.
  @most 64
  # Rows or a range of so many at most; more are read by whoever wants them.
  @small 64
  # If the disk does not answer, the reader gets an error.
  @timeout 15_000

  @enforce_keys [:engine, :handle]
  defstruct @enforce_keys ++ [waiting: [], count: 0]

  @doc "Starts one for each scheduler."
  @spec start_all(module(), Engine.handle()) :: tuple()
  def start_all(engine, handle) do
    for(_number <- 1..System.schedulers_online(), do: start(engine, handle)) |> List.to_tuple()
  end

  defp start(engine, handle) do
    {:ok, pid} = Rounds.start_link(__MODULE__, {engine, handle})
    pid
  end

  @doc "Starts another reader in the place of one that crashed; `:error` if it was none of these."
  @spec replace(tuple(), pid(), module(), Engine.handle()) :: {:ok, tuple()} | :error
  def replace(readers, pid, engine, handle) do
    case Enum.find_index(Tuple.to_list(readers), &(&1 == pid)) do
      nil -> :error
      index -> {:ok, put_elem(readers, index, start(engine, handle))}
    end
  end

  @doc "Stops them; they are not told when the store stops as it should."
  @spec stop_all(tuple()) :: :ok
  def stop_all(readers) do
    for pid <- Tuple.to_list(readers), do: Process.exit(pid, :shutdown)
    :ok
  end

  @doc "Whether it is small enough for a reader, and cannot harm it."
  @spec small?(Engine.request()) :: boolean()
  def small?({_table, rows}), do: length(rows) <= @small and Enum.all?(rows, &row?/1)

  def small?({_table, partition, {_lower, _upper, _way, limit}}),
    do: limit <= @small and is_binary(partition)

  defp row?({partition, key}), do: is_binary(partition) and is_binary(key)
  defp row?(_other), do: false

  @doc "Answers a request, by the reader of the caller's scheduler; `:gone` if that crashed."
  @spec read(tuple(), Engine.request()) :: {:ok, Engine.answer()} | {:error, :unavailable} | :gone
  def read(readers, request) do
    place = rem(:erlang.system_info(:scheduler_id), tuple_size(readers))
    GenServer.call(elem(readers, place), request, @timeout)
  catch
    :exit, {:timeout, _call} -> {:error, :unavailable}
    :exit, _gone -> :gone
  end

  @impl true
  def init({engine, handle}), do: %__MODULE__{engine: engine, handle: handle}

  @impl true
  def begin(reader, _waiting), do: reader

  @impl true
  def handle(%__MODULE__{count: count} = reader, {:call, from, request}) do
    reader = %{reader | waiting: [{from, request} | reader.waiting], count: count + 1}
    {if(count + 1 < @most, do: :more, else: :enough), reader}
  end

  @impl true
  def finish(%__MODULE__{waiting: waiting} = reader) do
    {callers, requests} = waiting |> Enum.reverse() |> Enum.unzip()

    case reader.engine.read_all(reader.handle, requests) do
      {:ok, answers} ->
        for {from, answer} <- Enum.zip(callers, answers), do: GenServer.reply(from, {:ok, answer})

      {:error, reason} ->
        for from <- callers, do: GenServer.reply(from, {:error, reason})
    end

    %{reader | waiting: [], count: 0}
  end
end
