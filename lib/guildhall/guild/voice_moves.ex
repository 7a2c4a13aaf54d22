defmodule Guildhall.Guild.VoiceMoves do
  @moduledoc false

  # Moving a member from one voice channel to another, or disconnecting it.
  #
  # MOVE_MEMBERS is needed in both channels, CONNECT in the target. As it lets its holder into a full
  # channel, it lets those in that are moved. A member is never moved to where it sees nothing.

  import Bitwise

  alias Guildhall.Guild.{Authority, Plan, Request, State, Voices}
  alias Guildhall.Model.Member
  alias Guildhall.Permissions

  @voice [2, 13]
  @view Permissions.bit(:view_channel)
  @move Permissions.bit(:move_members)
  @enter Permissions.bit(:connect) ||| @move

  @doc "The effects of the `:channel_id` of a member's change, if the actor may move the member so."
  @spec effects(State.t(), Request.t(), Authority.t(), {Member.t(), attrs :: map()}) ::
          {:ok, [Plan.effect()]} | Authority.missing()
  def effects(state, request, authority, {%Member{user: user} = member, %{channel_id: id}}) do
    with :ok <- target(state, request, member, id),
         :ok <- source(state, request, authority, {user.id, id}) do
      {:ok, [{:voice, {:move, user.id, id}}]}
    end
  end

  def effects(_state, _request, _authority, _change), do: {:ok, []}

  defp target(_state, _request, _member, nil), do: :ok

  defp target(state, request, member, id) do
    with {:ok, %{channel: channel}} <- Authority.in_channel(state, request, id, 0),
         :ok <- voice(channel),
         {:ok, _authority} <- Authority.in_channel(state, request, id, @enter) do
      if (Authority.permissions(state, member, channel, request.now) &&& @view) == 0,
        do: {:error, :missing_permissions},
        else: :ok
    end
  end

  defp voice(%{type: type}) when type in @voice, do: :ok
  defp voice(_channel), do: {:error, :channel_type}

  # A member in a channel that the actor does not see looks as if it were in none.
  defp source(state, request, authority, {user_id, target}) do
    with {:ok, %{channel_id: id}} <- Voices.fetch(state.voices, user_id),
         {:ok, _authority} <- Authority.in_channel(state, request, id, @move) do
      :ok
    else
      unseen when unseen in [:error, {:error, :missing_access}] -> unseen(authority, target)
      missing -> missing
    end
  end

  # Nobody learns whether a member is in a hidden channel by trying to disconnect it.
  defp unseen(authority, target) do
    needed = if target, do: 0, else: @move
    with {:ok, _authority} <- Authority.allow(authority, needed), do: {:error, :not_in_voice}
  end
end
