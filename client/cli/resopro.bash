# bash completion for resopro(1); printed by `resopro completion bash`.
# The program itself says what may follow, from the tables of its commands.
_resopro()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words

	COMPREPLY=()
	words=$("${COMP_WORDS[0]}" completion words -- \
	    "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return 0
	if [[ $words == :files ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}
complete -F _resopro resopro
