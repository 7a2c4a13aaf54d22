defmodule Guildhall.Api.Commands do
  @moduledoc false

  # The commands that a bot registers, for everywhere or for a guild. They are kept and shown again;
  # nobody invokes them yet. A list of them is one row, which a conditional write replaces.

  alias Guildhall.Api.{Call, CommandForm, View}
  alias Guildhall.{Guild, Store}
  alias Guildhall.Model.Limits

  # 100 chat commands, and 5 each of the two kinds of the context menu.
  @limit Limits.commands()
  @max_row Limits.commands_bytes()
  @attempts 5

  @spec list(Call.t()) :: Call.result()
  def list(call) do
    with :ok <- own(call), {:ok, commands, _row} <- read(call), do: {:ok, show(call, commands)}
  end

  @spec get(Call.t()) :: Call.result()
  def get(%Call{params: %{command_id: id}} = call) do
    with :ok <- own(call),
         {:ok, commands, _row} <- read(call),
         {:ok, command} <- find(commands, id),
         do: {:ok, show(call, command)}
  end

  # A command keeps its id as long as its name and type are on the list.
  @spec put_all(Call.t()) :: Call.result()
  def put_all(%Call{body: body} = call) do
    with :ok <- own(call),
         {:ok, forms} <- CommandForm.cast_all(body),
         {:ok, commands} <-
           change(call, fn commands ->
             with {:ok, ids} <- Store.next_ids(call.instance, length(forms)) do
               {:ok, Enum.zip_with(forms, ids, &new(&1, &2, commands))}
             end
           end) do
      {:ok, show(call, commands)}
    end
  end

  @spec create(Call.t()) :: Call.result()
  def create(%Call{body: body} = call) do
    with :ok <- own(call), {:ok, form} <- CommandForm.cast(body) do
      change(call, fn commands ->
        with {:ok, id} <- Store.next_id(call.instance) do
          command = new(form, id, commands)
          {:ok, [command | Enum.reject(commands, &(&1.id == command.id))]}
        end
      end)
      |> first(call)
    end
  end

  @spec update(Call.t()) :: Call.result()
  def update(%Call{params: %{command_id: id}, body: body} = call) do
    with :ok <- own(call), {:ok, form} <- CommandForm.cast_change(body) do
      change(call, fn commands ->
        with {:ok, command} <- find(commands, id),
             {:ok, version} <- Store.next_id(call.instance) do
          command = command |> Map.merge(form) |> Map.put(:version, version)
          {:ok, [command | Enum.reject(commands, &(&1.id == id))]}
        end
      end)
      |> first(call)
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{command_id: id}} = call) do
    with :ok <- own(call),
         {:ok, _commands} <-
           change(call, fn commands ->
             with {:ok, command} <- find(commands, id), do: {:ok, List.delete(commands, command)}
           end) do
      :no_content
    end
  end

  defp first({:ok, [command | _others]}, call), do: {:ok, show(call, command)}
  defp first({:error, reason}, _call), do: {:error, reason}

  # An application's id is its bot's.
  defp own(%Call{user: %{id: id}, params: %{application_id: id}} = call), do: in_guild(call)
  defp own(_call), do: {:error, :not_authorized}

  defp in_guild(%Call{instance: instance, user: user, params: %{guild_id: guild_id}}) do
    with {:ok, _guild} <- Guild.run(instance, guild_id, user.id, {:get}), do: :ok
  end

  defp in_guild(_call), do: :ok

  defp find(commands, id) do
    case Enum.find(commands, &(&1.id == id)) do
      nil -> {:error, :unknown_command}
      command -> {:ok, command}
    end
  end

  defp new(form, id, commands) do
    form = Map.merge(%{type: 1, description: "", default_member_permissions: nil}, form)
    known = Enum.find(commands, &(&1.name == form.name and &1.type == form.type))
    Map.merge(form, %{id: if(known, do: known.id, else: id), version: id})
  end

  defp change(call, fun, attempts \\ @attempts)
  defp change(_call, _fun, 0), do: {:error, :overloaded}

  defp change(%Call{instance: instance} = call, fun, attempts) do
    with {:ok, old, row} <- read(call),
         {:ok, new} <- fun.(old),
         {:ok, new_row} <- encode(new) do
      {partition, key} = place(call)

      case Store.write(instance, [{:put_if, :settings, partition, key, row, new_row}]) do
        :ok -> {:ok, new}
        {:error, :conflict} -> change(call, fun, attempts - 1)
        {:error, reason} -> {:error, reason}
      end
    end
  end

  defp read(%Call{instance: instance} = call) do
    {partition, key} = place(call)

    case Store.get(instance, :settings, partition, key) do
      {:ok, <<1, row::binary>> = expected} -> {:ok, :erlang.binary_to_term(row), expected}
      :none -> {:ok, [], nil}
      {:error, reason} -> {:error, reason}
    end
  end

  defp encode(commands) when length(commands) > @limit, do: {:error, :command_limit}

  defp encode(commands) do
    row = <<1, :erlang.term_to_binary(commands)::binary>>
    if byte_size(row) <= @max_row, do: {:ok, row}, else: {:error, :too_large}
  end

  # Guild 0 is everywhere.
  defp place(%Call{params: %{application_id: id} = params}) do
    {<<"commands", id::64>>, <<Map.get(params, :guild_id, 0)::64>>}
  end

  defp show(call, commands) when is_list(commands), do: Enum.map(commands, &show(call, &1))
  defp show(call, command), do: View.command(command, call.params)
end
