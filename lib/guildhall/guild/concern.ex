defmodule Guildhall.Guild.Concern do
  @moduledoc false

  # A group of commands: messages, reactions, roles, ... Each is decided by values alone.
  #
  #   facts   rows that the caller reads in advance, a guess
  #   keys    what the command is decided on, and of that what it changes; a command waits while a
  #           write that holds one of them is under way, so it is never decided on what may fail
  #   decide  the plan, or why not, or what is lacking

  alias Guildhall.Guild.{Facts, Pipeline, Plan, Request, State}

  @type keys :: {reads :: [Pipeline.key()], writes :: [Pipeline.key()]}
  @type decision :: {:ok, Plan.t()} | {:need, [Facts.key()]} | {:error, term()}

  @callback facts(Guildhall.Guild.actor(), Guildhall.Guild.command()) :: [Facts.key()]
  @callback keys(State.t(), Request.t()) :: keys()
  @callback decide(State.t(), Request.t()) :: decision()
end
