defmodule Guildhall.Guild.Copies do
  @moduledoc false

  # Brings the copies of accounts in guilds up to date, in the background: each member's row holds its user.
  #
  #   owns      nothing: which users are left is in the store (`Guildhall.User.Copies`)
  #   started   by `Guildhall.Guild.Supervisor`, after the rooms
  #   a crash   loses nothing: it goes on with those that are left, as a node that starts does
  #   mailbox   one message for each change of an account, and its own
  #
  # One user after the other, and a few guilds of it at a time. A running room changes the row and tells
  # its sessions. The row of a guild whose room does not run is changed in the store, so no room is started
  # for it. A user who changes often is brought up to date as often as the process comes by.

  use GenServer

  alias Guildhall.Guild.{Directory, Rooms}
  alias Guildhall.{Background, Instance, Store, Telemetry, User}

  # Users that are read at once, and guilds of a user at a time.
  @page 100
  @guilds 8
  @timeout 30_000
  # Until those are tried again for which a guild or the store was not available.
  @shortest 1_000
  @longest 60_000
  # A room may start or stop meanwhile.
  @attempts 5
  @failed {:error, :unavailable}

  @enforce_keys [:instance]
  defstruct [:instance, work: nil, again?: false, timer: nil, pause: @shortest]

  @spec start_link(Instance.t()) :: GenServer.on_start()
  def start_link(instance), do: GenServer.start_link(__MODULE__, instance, name: name(instance))

  @doc "An account has changed."
  @spec wake(Instance.t()) :: :ok
  def wake(instance), do: GenServer.cast(name(instance), :wake)

  defp name(instance), do: Instance.child(instance, :guild_copies)

  @impl GenServer
  def init(instance), do: {:ok, begin(%__MODULE__{instance: instance})}

  @impl GenServer
  def handle_cast(:wake, server), do: {:noreply, begin(server)}

  @impl GenServer
  def handle_info(:wake, server), do: {:noreply, begin(%{server | timer: nil})}

  def handle_info({:DOWN, work, :process, _pid, reason}, %{work: work} = server) do
    server = %{server | work: nil}

    case {Background.result(reason), server.again?} do
      {:ok, false} -> {:noreply, %{server | pause: @shortest}}
      {:ok, true} -> {:noreply, begin(%{server | pause: @shortest})}
      {{:error, _reason}, _again?} -> {:noreply, later(server)}
    end
  end

  # Changes that come meanwhile are found by the next pass.
  defp begin(%{work: nil, instance: instance} = server) do
    %{server | work: Background.run(fn -> pass(instance, 0, :ok) end), again?: false}
  end

  defp begin(server), do: %{server | again?: true}

  # One timer at a time.
  defp later(%{timer: nil, pause: pause} = server) do
    %{server | timer: Process.send_after(self(), :wake, pause), pause: min(pause * 2, @longest)}
  end

  defp later(server), do: server

  defp pass(instance, after_id, result) do
    case User.outdated(instance, after_id, @page) do
      {:ok, []} ->
        result

      {:ok, users} ->
        results = for {user_id, mark} <- users, do: update(instance, user_id, mark)
        {last, _mark} = List.last(users)
        pass(instance, last, Enum.find([result | results], :ok, &(&1 != :ok)))

      {:error, reason} ->
        {:error, reason}
    end
  end

  defp update(instance, user_id, mark) do
    with {:ok, user} <- User.fetch(instance, user_id),
         {:ok, guild_ids} <- User.guilds(instance, user_id) do
      measured = update_all(instance, user, guild_ids)
      result = if measured.failed == 0, do: updated(instance, user_id, mark), else: @failed
      Telemetry.emit([:guild, :copies], measured, %{instance: instance, user_id: user.id})
      result
    else
      {:error, :unknown_user} -> updated(instance, user_id, mark)
      {:error, reason} -> {:error, reason}
    end
  end

  # A change that came meanwhile woke the server, so it is not lost.
  defp updated(instance, user_id, mark) do
    with {:error, :conflict} <- User.updated(instance, user_id, mark), do: :ok
  end

  defp update_all(instance, user, guild_ids) do
    results =
      guild_ids
      |> Task.async_stream(&update_one(instance, &1, user, @attempts),
        max_concurrency: @guilds,
        ordered: false,
        timeout: @timeout,
        on_timeout: :kill_task
      )
      |> Enum.frequencies()

    {done, failed} = Map.pop(results, {:ok, :ok}, 0)
    %{guilds: done, failed: failed |> Map.values() |> Enum.sum()}
  end

  defp update_one(_instance, _guild_id, _user, 0), do: {:error, :unavailable}

  defp update_one(instance, guild_id, user, left) do
    result =
      if Rooms.running?(instance, guild_id),
        do: Rooms.run(instance, guild_id, :operator, {:update_user, user}),
        else: update_row(instance, guild_id, user)

    case result do
      :ok -> :ok
      {:ok, _member} -> :ok
      # The user has left, or the guild is gone.
      {:error, reason} when reason in [:unknown_member, :unknown_guild] -> :ok
      {:error, :running} -> update_one(instance, guild_id, user, left - 1)
      {:error, reason} -> {:error, reason}
    end
  end

  # The calling process has the room's name until it ends, which is at once.
  defp update_row(instance, guild_id, user) do
    with :ok <- Rooms.occupy(instance, guild_id),
         {:ok, members} <- Directory.find(instance, guild_id, [user.id]) do
      case members do
        [%{user: old} = member] when old != user ->
          Store.write(instance, Directory.put_ops(guild_id, member, %{member | user: user}))

        _none_or_as_it_should_be ->
          :ok
      end
    end
  end
end
