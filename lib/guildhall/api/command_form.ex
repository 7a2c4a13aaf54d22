defmodule Guildhall.Api.CommandForm do
  @moduledoc false

  # An application command as a library registers it. Options nest twice: a group of subcommands, a
  # subcommand, its options. What was sent and is known is kept in the wire's own shape.

  alias Guildhall.Model.{Form, Limits}

  # The largest that every client can read exactly.
  @max_number 9_007_199_254_740_992

  @names [type: &__MODULE__.localizations/1, nullable: true]
  @description [type: :string, length: 1..100, required: true]
  @limit [type: &__MODULE__.number/1]

  @choice [
    name: [type: :string, length: 1..100, required: true],
    name_localizations: @names,
    value: [type: &__MODULE__.choice/1, required: true]
  ]
  @option [
    type: [type: :integer, range: 3..11, required: true],
    name: [type: :string, length: 1..32, required: true],
    name_localizations: @names,
    description: @description,
    description_localizations: @names,
    required: [type: :boolean],
    choices: [type: {:list, {:form, @choice}}, length: 0..25],
    channel_types: [type: {:list, :integer, [range: 0..16]}, length: 0..17],
    min_value: @limit,
    max_value: @limit,
    min_length: [type: :integer, range: 0..6_000],
    max_length: [type: :integer, range: 1..6_000],
    autocomplete: [type: :boolean]
  ]

  nest = fn inner, range ->
    options = [type: {:list, {:form, inner}}, length: 0..25]
    Keyword.merge(inner, type: [type: :integer, range: range, required: true], options: options)
  end

  @subcommand nest.(@option, 1..11)
  @group nest.(@subcommand, 1..11)

  @command [
    name: [type: :string, length: 1..32, required: true],
    name_localizations: @names,
    type: [type: {:in, [1, 2, 3, 4]}],
    description: [type: :string, length: 0..100],
    description_localizations: @names,
    options: [type: {:list, {:form, @group}}, length: 0..25],
    default_member_permissions: [type: :permissions, nullable: true],
    dm_permission: [type: :boolean],
    nsfw: [type: :boolean],
    contexts: [type: {:list, {:in, [0, 1, 2]}}, length: 0..3, nullable: true],
    integration_types: [type: {:list, {:in, [0, 1]}}, length: 1..2]
  ]

  @spec cast(term()) :: {:ok, map()} | {:error, {:invalid, Form.tree()}}
  def cast(body), do: Form.cast(body, @command)

  @spec cast_all(term()) :: {:ok, [map()]} | {:error, {:invalid, Form.tree()}}
  def cast_all(body),
    do: Form.cast_value(body, {:list, {:form, @command}}, length: 0..Limits.commands())

  # A change of a command: everything may be left out.
  @spec cast_change(term()) :: {:ok, map()} | {:error, {:invalid, Form.tree()}}
  def cast_change(body) do
    Form.cast(
      body,
      for({name, options} <- @command, do: {name, Keyword.delete(options, :required)})
    )
  end

  @spec localizations(term()) :: {:ok, map()} | {:error, String.t(), String.t()}
  def localizations(names) when is_map(names) and map_size(names) <= 34 do
    if Enum.all?(names, fn {_locale, name} ->
         is_binary(name) and String.length(name) in 1..100
       end),
       do: {:ok, names},
       else: {:error, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."}
  end

  def localizations(_other) do
    {:error, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"}
  end

  @spec number(term()) :: {:ok, number()} | {:error, String.t(), String.t()}
  def number(number) when is_number(number) and abs(number) <= @max_number, do: {:ok, number}
  def number(_other), do: {:error, "NUMBER_TYPE_COERCE", "Value is not a number."}

  @spec choice(term()) :: {:ok, number() | String.t()} | {:error, String.t(), String.t()}
  def choice(value) when is_number(value) and abs(value) <= @max_number, do: {:ok, value}
  def choice(value) when is_binary(value) and byte_size(value) in 1..400, do: {:ok, value}

  def choice(_other) do
    {:error, "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_TYPE", "Value is no number or string."}
  end
end
