defmodule Guildhall.Guild.Batch do
  @moduledoc false

  # Plans that go to the store in one write, because each was decided on what the one before it
  # changes. `scratch` is the state as if all of them were durable; nobody else sees it, and if the
  # write fails there is nothing to take back.

  alias Guildhall.Guild.{Plan, Request, State}

  @most_plans 256
  @most_ops 4_096
  # With the largest plan it is still far below what the store takes at once.
  @most_bytes 4_194_304

  @enforce_keys [:scratch, :index]
  defstruct [:scratch, :index, plans: [], keys: [], ops: [], size: 0, bytes: 0, pending: []]

  @type t :: %__MODULE__{
          scratch: State.t(),
          index: pos_integer(),
          plans: [{Request.t(), Plan.t()}],
          keys: [term()],
          ops: [[Guildhall.Store.op()]],
          size: non_neg_integer(),
          bytes: non_neg_integer(),
          pending: [State.change()]
        }

  @spec new(State.t(), index :: pos_integer()) :: t()
  def new(state, index), do: %__MODULE__{scratch: state, index: index}

  @spec empty?(t()) :: boolean()
  def empty?(%__MODULE__{plans: plans}), do: plans == []

  @spec full?(t()) :: boolean()
  def full?(%__MODULE__{plans: plans, size: size, bytes: bytes}) do
    size >= @most_ops or bytes >= @most_bytes or length(plans) >= @most_plans
  end

  @doc "Brings the scratch state up to date: only needed if another command follows."
  @spec settle(t(), now :: integer()) :: t()
  def settle(%__MODULE__{pending: []} = batch, _now), do: batch

  def settle(%__MODULE__{} = batch, now) do
    scratch = State.apply(batch.scratch, batch.pending, batch.index, now)
    %{batch | scratch: scratch, pending: []}
  end

  @spec add(t(), Request.t(), Plan.t(), keys :: [term()]) :: t()
  def add(%__MODULE__{} = batch, request, %Plan{} = plan, keys) do
    %{
      batch
      | plans: [{request, plan} | batch.plans],
        keys: keys ++ batch.keys,
        ops: [plan.ops | batch.ops],
        size: batch.size + length(plan.ops),
        bytes: batch.bytes + Plan.bytes(plan),
        pending: batch.pending ++ plan.changes
    }
  end

  @doc "All operations, in order."
  @spec ops(t()) :: [Guildhall.Store.op()]
  def ops(%__MODULE__{ops: ops}), do: ops |> Enum.reverse() |> Enum.concat()

  @doc "The plans, in order."
  @spec plans(t()) :: [{Request.t(), Plan.t()}]
  def plans(%__MODULE__{plans: plans}), do: Enum.reverse(plans)
end
