/* The subcommands: each does one thing, takes its own argv (argv[0] is its name), and returns an
 * exit code (cli/exit.h). */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int cmd_topics(int argc, char **argv);
int cmd_ingest(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_timeline(int argc, char **argv);
int cmd_schemas(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_webhook(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_feedback(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_erase(int argc, char **argv);
int cmd_series(int argc, char **argv);
int cmd_identity(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_evaluate_churn(int argc, char **argv);
int cmd_evaluate_inactivity(int argc, char **argv);
int cmd_evaluate_forecast(int argc, char **argv);
int cmd_evaluate_company(int argc, char **argv);
int cmd_evaluate_vehicles(int argc, char **argv);
int cmd_allocations(int argc, char **argv);
int cmd_risk(int argc, char **argv);
int cmd_forecast(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_config(int argc, char **argv);

#endif
