defmodule Guildhall.Redteam.Attack do
  @moduledoc false

  # One kind of attack: what its workers do again and again.
  #
  #   rate     attacks a second at least, of all workers together; they aim at four times as many
  #   batch    how many attacks one call of `run` makes
  #   start    makes a worker's state, from its number
  #   run      attacks once and answers an outcome, or several, and the next state
  #   shows    outcomes of which one must be seen, or the attack never reached what it is meant for
  #
  # An outcome is a status, a word, or `{:breach, text}`: the attack had its way. An answer that says
  # that the server failed is a breach too, except 503.

  alias Guildhall.Redteam.{Http, Tally}

  @enforce_keys [:name, :rate, :start, :run, :shows]
  defstruct @enforce_keys ++ [workers: 1, batch: 1]

  @type outcome :: integer() | atom() | {:breach, String.t()}
  @type t :: %__MODULE__{
          name: String.t(),
          rate: number(),
          workers: pos_integer(),
          batch: pos_integer(),
          start: (pos_integer() -> term()),
          run: (term() -> {outcome() | [outcome()], term()}),
          shows: [outcome()]
        }

  @haste 4

  @doc "Starts the workers; each attacks until it is killed."
  @spec launch(t(), Tally.t(), seed :: integer()) :: [pid()]
  def launch(attack, tally, seed) do
    pause = round(1_000 * attack.batch * attack.workers / (attack.rate * @haste))

    for n <- 1..attack.workers do
      spawn_link(fn ->
        :rand.seed(:exsss, {seed, :erlang.phash2(attack.name), n})
        # So that not all begin in the same moment.
        loop(attack, tally, attack.start.(n), now() + :rand.uniform(min(pause, 1_000)), pause)
      end)
    end
  end

  defp loop(attack, tally, state, due, pause) do
    wait(due)
    {outcome, state} = attempt(attack, state)
    for one <- List.wrap(outcome), do: report(attack, tally, one)
    loop(attack, tally, state, max(due + pause, now() - 1_000), pause)
  end

  # A connection that the server closed under the attack is an outcome.
  defp attempt(attack, state) do
    attack.run.(state)
  rescue
    error in MatchError -> {Http.reason(error.term), state}
  end

  defp report(attack, tally, {:breach, text}) do
    Tally.count(tally, attack.name, :breach)
    Tally.note(tally, :breach, {attack.name, text})
  end

  defp report(attack, tally, status) when status in [500, 501, 502, 504],
    do: report(attack, tally, {:breach, "an answer #{status}"})

  defp report(attack, tally, outcome), do: Tally.count(tally, attack.name, outcome)

  # Messages of sockets wait in the mailbox until the attack looks at them.
  defp wait(due) do
    receive do
      :never -> :ok
    after
      max(due - now(), 0) -> :ok
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
