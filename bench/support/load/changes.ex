defmodule Bench.Load.Changes do
  @moduledoc false

  # What the room's own process spends on a change of a member, a role or a channel, and what the relays
  # spend on telling those whom it shows or hides something.

  alias Bench.Load.{Herd, People, Quiet, Rounds, Watch}
  alias Guildhall.{Guild, Permissions}
  alias Guildhall.Model.Overwrite

  @changes 20

  @type figure :: %{name: String.t(), value: number(), unit: String.t()}

  @doc "Makes some changes of each kind; calls `progress` with the name of each kind that is done."
  @spec measure(Herd.t(), People.t(), Rounds.t(), (String.t() -> term())) :: [figure()]
  def measure(%Herd{instance: instance} = herd, people, rounds, progress) do
    watch = Watch.start(People.room(instance, people.guild_id))

    figures =
      Enum.flat_map(kinds(instance, people), fn {name, commands} ->
        samples = for command <- commands, do: sample(command, watch, herd, people, rounds)
        progress.(name)
        figures(name, samples)
      end)

    Watch.stop(watch)
    figures
  end

  # Whatever is done is undone in turn, so that a guild can be measured again.
  defp kinds(instance, people) do
    [role_id | _others] = people.role_ids
    view = Permissions.bit(:view_channel)
    strangers = for _n <- 1..@changes, do: People.stranger!(instance)
    members = Enum.take(people.user_ids, div(@changes, 2))

    [
      {"a member added", for(id <- strangers, do: {:add_member, id, %{}})},
      {"a role given or taken",
       for(
         id <- members,
         change <- [:add_role, :remove_role],
         do: {change, id, spare(people, id)}
       )},
      {"a role's permissions changed",
       for(n <- 1..@changes, do: {:update_role, role_id, %{permissions: view + rem(n, 2)}})},
      {"a channel hidden from a role, or shown",
       for n <- 1..@changes do
         overwrite = %Overwrite{id: role_id, type: :role, allow: 0, deny: view * rem(n, 2)}
         {:put_overwrite, people.channel_id, overwrite}
       end}
    ]
  end

  # A role that the member does not have: each has the one that his id says.
  defp spare(people, id), do: Enum.at(people.role_ids, rem(id + 1, length(people.role_ids)))

  defp sample(command, watch, %Herd{instance: instance} = herd, people, rounds) do
    Watch.spent(watch)

    %{relays: relays} =
      Quiet.spent(herd, rounds, fn ->
        done!(Guild.run(instance, people.guild_id, :operator, command))
      end)

    {Watch.spent(watch) / 1.0e6, relays * 1.0e3}
  end

  defp done!(:ok), do: :ok
  defp done!({:ok, _result}), do: :ok

  defp figures(name, samples) do
    {room, relays} = Enum.unzip(samples)

    [
      %{name: "#{name}: the room's process, median", value: median(room), unit: "ms"},
      %{name: "#{name}: the room's process, longest", value: Enum.max(room), unit: "ms"},
      %{name: "#{name}: relays, median", value: median(relays), unit: "ms"}
    ]
  end

  defp median(samples), do: samples |> Enum.sort() |> Enum.at(div(length(samples), 2))
end
