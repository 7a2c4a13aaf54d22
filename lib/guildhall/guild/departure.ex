defmodule Guildhall.Guild.Departure do
  @moduledoc false

  # What it takes to take a member out: he left, was kicked or banned.

  alias Guildhall.Guild.{Directory, Events, Plan, State}
  alias Guildhall.Model.Member

  @spec plan(State.t(), Member.t()) :: Plan.t()
  def plan(%State{guild: guild} = state, %Member{user: user} = member) do
    count = max(guild.member_count - 1, 0)

    %Plan{
      ops:
        Directory.delete_ops(guild.id, member) ++
          [Directory.count_op(guild.id, count)] ++
          Guildhall.User.member_ops(user.id, guild.id, :leave),
      changes: [{:member_removed, user.id}, {:count, count}],
      effects: [
        {:remove, user.id, Events.guild_delete(state)},
        {:publish, Events.member_remove(state, user)}
      ]
    }
  end
end
