defmodule Guildhall.Redteam.Poster do
  @moduledoc false

  # A bystander that posts a numbered message into the home channel a few times a second, and notes
  # how long each answer took. A message that is refused, or whose answer is lost, is not repeated.

  alias Guildhall.Redteam.{Http, Tally}

  # Within the limit of a user: 5 messages in 2 s.
  @pause 800

  @doc "Posts until it gets `:stop`; `number` is the poster's place among the bystanders."
  def run(world, number) do
    user = Enum.at(world.bystanders, number)
    http = Http.new(world.node, {127, 2, 0, number + 1}, user.token)
    post(world, %{http | timeout: 15_000}, number, 1, now())
  end

  @doc "Posts one message, as often as it is refused."
  def last(world) do
    http = Http.new(world.node, {127, 2, 0, 100}, Enum.at(world.bystanders, 9).token)
    last(world, http, 50)
  end

  defp last(_world, _http, 0), do: raise("the last message was refused 50 times")

  defp last(world, http, left) do
    case Http.call(http, "POST", path(world), %{content: "number 0 last"}) do
      {200, message, http} ->
        Http.close(http)
        String.to_integer(message["id"])

      {_refused, _answer, http} ->
        receive do
        after
          200 -> last(world, http, left - 1)
        end
    end
  end

  defp post(world, http, number, n, due) do
    receive do
      :stop -> Http.close(http)
    after
      max(due - now(), 0) ->
        at = now()
        body = %{content: "number #{number} #{n}"}
        {outcome, _answer, http} = Http.call(http, "POST", path(world), body)
        Tally.note(world.tally, :post, {outcome, now() - at})
        post(world, http, number, n + 1, max(due + @pause, now()))
    end
  end

  defp path(world), do: "/api/v10/channels/#{world.home.channels["harbour"]}/messages"
  defp now, do: System.monotonic_time(:millisecond)
end
